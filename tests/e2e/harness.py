"""Starts the real binary on a fresh folder and talks to it. Standard library only."""
import http.client, json, os, pathlib, shutil, signal, socket, subprocess, sys, tempfile, time, traceback, urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SONDE = os.environ.get("SONDE_BINARY", str(ROOT / "build" / "sonde"))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    def __init__(self, data=None, args=(), env=None):
        self.own = data is None
        self.data = data or tempfile.mkdtemp(prefix="sonde-e2e-")
        self.port = free_port()
        self.args, self.env, self.process = list(args), env or {}, None

    def start(self, wait=True):
        self.log = open(self.data.rstrip("/") + ".log", "ab")
        self.process = subprocess.Popen([SONDE, "serve", "--data", self.data, "--listen", f"127.0.0.1:{self.port}", *self.args],
                                        stderr=self.log, stdout=self.log, env={**os.environ, **self.env})
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, seconds=30):
        end = time.time() + seconds
        while time.time() < end:
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.log_text()[-2000:]}")
            try:
                if self.request("GET", "/-/ready")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.01)
        raise AssertionError("not ready:\n" + self.log_text()[-2000:])

    def log_text(self):
        return pathlib.Path(self.data.rstrip("/") + ".log").read_text(errors="replace")

    def request(self, method, path, body=None, headers=None, timeout=30):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            c.request(method, path, body, headers or {})
            r = c.getresponse()
            return r.status, r.read(), dict((k.lower(), v) for k, v in r.getheaders())
        finally:
            c.close()

    def post(self, path, body, headers=None):
        status, answer, _ = self.request("POST", path, body if isinstance(body, bytes) else body.encode(), headers)
        return status, answer

    def ingest(self, rows, path="/ingest/json", headers=None):
        status, answer = self.post(path, "\n".join(json.dumps(r) for r in rows) + "\n", headers)
        assert status == 200, (status, answer)
        return json.loads(answer)

    def query(self, q, **params):
        """Rows and stats; raises on an error."""
        body = urllib.parse.urlencode({"q": q, **params})
        status, answer, _ = self.request("POST", "/api/records/query", body, {"Content-Type": "application/x-www-form-urlencoded"}, 120)
        assert status == 200, (q, status, answer)
        lines = [json.loads(line) for line in answer.decode("utf-8", "surrogateescape").splitlines()]
        assert lines and "_stats" in lines[-1], (q, answer[-300:])
        assert "_error" not in lines[-1], (q, lines[-1])
        return lines[:-1], lines[-1]["_stats"]

    def count(self, q="*"):
        rows, _ = self.query(q + " | stats count() as n")
        return rows[0]["n"] if rows else 0

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.log.close()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise AssertionError("SIGTERM did not end the server within 40 s")
        status = self.process.returncode
        self.log.close()
        return status

    def remove(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.own:
            shutil.rmtree(self.data, ignore_errors=True)
            pathlib.Path(self.data.rstrip("/") + ".log").unlink(missing_ok=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.remove()


class Skip(Exception):
    pass


def main(names):
    """Runs every function named test_…; prints the closing line that tools/test.py reads."""
    passed = failed = skipped = 0
    only = sys.argv[1:]
    for name, test in sorted(names.items(), key=lambda kv: getattr(getattr(kv[1], "__code__", None), "co_firstlineno", 0)):
        if not name.startswith("test_") or not callable(test) or (only and name not in only):
            continue
        try:
            test()
            passed += 1
            print(f"ok      {name}", flush=True)
        except Skip as why:
            skipped += 1
            print(f"skipped: {name}: {why}", flush=True)
        except Exception:
            failed += 1
            print(f"FAILED  {name}\n{traceback.format_exc()}", flush=True)
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    sys.exit(1 if failed else 0)
