"""Real senders, each checked by what a query returns afterwards."""
import json, os, pathlib, shutil, signal, subprocess, sys, tempfile, time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
from harness import Server, Skip, free_port, main


def send(client, want, extra=""):
    node = shutil.which("node")
    if not node:
        raise Skip("node is not installed")
    with Server() as s:
        run = client.replace("-", "") + str(time.time_ns())
        p = subprocess.run([node, "send.mjs", client, f"http://127.0.0.1:{s.port}", run], cwd=HERE, capture_output=True, timeout=120)
        assert p.returncode == 0, p.stderr.decode()[-2000:] + s.log_text()[-500:]
        sent = json.loads(p.stdout.splitlines()[-1])["sent"]
        for step in ("live", "/api/admin/merge"):
            if step != "live":
                assert s.post(step, b"")[0] == 200
            rows, _ = s.query(f'run = "{run}" or fields.run = "{run}"')
            assert len(rows) == sent == want, (step, len(rows), sent)
            messages = {r["@message"] for r in rows}
            assert messages == {f'{run} row {i} with "quotes", ünïcödé and a\ttab' for i in range(want)}, sorted(messages)[:2]
            assert s.query("*", table="dead_letters")[0] == []
        return rows


def test_elasticsearch_client_bulk_helper():
    rows = send("elastic-bulk-helper", 1000)
    assert {r["n"] for r in rows} == set(range(1000)) and rows[0]["nested.a"] == rows[0]["n"]


def test_elasticsearch_client_with_document_ids():
    send("elastic-ids", 50)


def test_winston_elasticsearch():
    assert send("winston", 200)[0]["level"] == "info"


def test_pino_elasticsearch():
    send("pino", 200)


def test_opentelemetry_exporter_json():
    rows = send("otlp-json", 300)
    assert rows[0]["level"].lower() == "warn" and rows[0]["host"] == "compat" and rows[0]["list"] == [1, 2], rows[0]


def test_opentelemetry_exporter_protobuf():
    rows = send("otlp-protobuf", 300)
    assert rows[0]["level"].lower() == "warn" and rows[0]["f"] == 0.5, rows[0]


def syslog_server():
    udp, tcp = free_port(), free_port()
    s = Server(args=["--set", f"syslog.udp=127.0.0.1:{udp}", "--set", f"syslog.tcp=127.0.0.1:{tcp}"])
    return s, udp, tcp


def wait_count(s, q, want):
    end = time.time() + 10
    while time.time() < end and s.count(q) < want:
        time.sleep(0.05)
    assert s.count(q) == want, s.count(q)


def test_logger_over_udp_and_tcp():
    if not shutil.which("logger"):
        raise Skip("logger is not installed")
    s, udp, tcp = syslog_server()
    with s:
        for port, flags in ((udp, ["-d"]), (tcp, ["-T"]), (tcp, ["-T", "--octet-count"]), (udp, ["-d", "--rfc3164"])):
            subprocess.run(["logger", "-n", "127.0.0.1", "-P", str(port), *flags, "-t", "compatapp", "-p", "user.err", "disk sda1 is 91% full"],
                           check=True, timeout=10)
        wait_count(s, '"disk sda1"', 4)
        rows, _ = s.query('"disk sda1"')
        assert all(r["@message"] == "disk sda1 is 91% full" for r in rows), rows
        assert all(r["level"] in ("err", "error") for r in rows), rows


def test_rsyslog_forwards_with_both_framings():
    if not shutil.which("rsyslogd"):
        raise Skip("rsyslogd is not installed")
    s, udp, tcp = syslog_server()
    with s, tempfile.TemporaryDirectory() as folder:
        conf = pathlib.Path(folder) / "rsyslog.conf"
        socket_in = free_port()
        conf.write_text(f'''
global(workDirectory="{folder}")
module(load="imtcp")
input(type="imtcp" port="{socket_in}" address="127.0.0.1")
action(type="omfwd" target="127.0.0.1" port="{tcp}" protocol="tcp" template="RSYSLOG_SyslogProtocol23Format" TCP_Framing="octet-counted")
action(type="omfwd" target="127.0.0.1" port="{tcp}" protocol="tcp" template="RSYSLOG_ForwardFormat")
action(type="omfwd" target="127.0.0.1" port="{udp}" protocol="udp" template="RSYSLOG_SyslogProtocol23Format")
''')
        p = subprocess.Popen(["rsyslogd", "-n", "-f", str(conf), "-i", folder + "/pid"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            end = time.time() + 5
            while time.time() < end:
                r = subprocess.run(["logger", "-n", "127.0.0.1", "-P", str(socket_in), "-T", "--octet-count", "-t", "viarsyslog", "forwarded line one"],
                                   capture_output=True)
                if r.returncode == 0:
                    break
                time.sleep(0.1)
            wait_count(s, '"forwarded line one"', 3)
            rows, _ = s.query('"forwarded line one"')
            # the traditional format has a tag without a colon here: it cannot be told from the message's first word
            assert all(r["@message"].strip() in ("forwarded line one", "viarsyslog forwarded line one") for r in rows), rows
        finally:
            p.send_signal(signal.SIGTERM)
            p.wait(10)


if __name__ == "__main__":
    main(globals())
