"""A small disk fills up: writes are refused with a reason, reads go on, writes resume by themselves."""
import json, os, subprocess, tempfile, time
from harness import Server, Skip, main


def test_a_full_disk_refuses_writes_and_recovers():
    folder = tempfile.mkdtemp(prefix="sonde-full-")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", folder], capture_output=True).returncode:
        raise Skip("mounting a tmpfs is not allowed here")
    s = Server(data=folder + "/data", args=["--set", "store.disk_reserve_bytes=8MiB"])
    try:
        s.start()
        s.ingest([{"message": "first"}])
        with open(folder + "/ballast", "wb") as ballast:
            try:
                while True:
                    ballast.write(os.urandom(1 << 20))
                    ballast.flush()
            except OSError:
                pass
        refused = None
        end = time.time() + 30
        acked = 1
        while refused is None and time.time() < end:
            status, answer = s.post("/ingest/json", json.dumps({"message": "x" * 1000}) + "\n")
            if status == 200:
                acked += 1
                time.sleep(0.05)
            else:
                refused = (status, answer)
        assert refused and refused[0] in (429, 503), refused
        assert b"disk" in refused[1] or b"journal" in refused[1], refused
        assert s.count() == acked
        assert s.request("GET", "/-/ready")[0] == 503
        os.unlink(folder + "/ballast")
        end = time.time() + 15
        while time.time() < end and s.post("/ingest/json", '{"message":"again"}\n')[0] != 200:
            time.sleep(0.1)
        assert time.time() < end, "writes did not resume within 15 s"
        assert s.count("again") == 1 and s.count("first") == 1
    finally:
        s.remove()
        subprocess.run(["umount", "-l", folder])


if __name__ == "__main__":
    main(globals())
