"""kill -9 at random moments under load: nothing acknowledged is lost, nothing with an id is kept twice.

Each writer keeps a ledger: batch id -> acknowledged or unknown. Unknown batches are sent again with their id after the restart. Between
kills the server flushes, merges and changes journal files all the time (small limits), so that the kills hit those moments.
"""
import json, os, random, threading, time
from harness import Server, main

ROUNDS = int(os.environ.get("SONDE_KILLS", "50"))
ARGS = ["--set", "store.flush_interval=300ms", "--set", "store.flush_bytes=256KiB", "--set", "store.journal_bytes_max=512MiB"]


class Writer(threading.Thread):
    def __init__(self, server, number, ledger):
        super().__init__(daemon=True)
        self.server, self.number, self.ledger, self.going = server, number, ledger, True

    def send(self, batch):
        rows = "".join(json.dumps({"service": f"w{self.number}", "message": f"row {batch} {i} of the ledger", "key": f"{batch}-{i}"}) + "\n"
                       for i in range(self.ledger[batch][1]))
        status, answer = self.server.post("/ingest/json", rows, {"X-Sonde-Batch-Id": batch})
        if status == 200:
            self.ledger[batch] = (True, self.ledger[batch][1])
        return status

    def run(self):
        n = 0
        while self.going:
            batch = f"{self.number}-{time.time_ns()}-{n}"
            n += 1
            self.ledger[batch] = (False, random.choice([1, 3, 50, 400]))
            try:
                self.send(batch)
            except OSError:
                time.sleep(0.005)


class Chores(threading.Thread):
    """Merges, so that a kill may hit one."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.going = server, True

    def run(self):
        while self.going:
            try:
                self.server.post(random.choice(["/api/admin/flush", "/api/admin/merge"]), b"")
            except OSError:
                pass
            time.sleep(random.random() * 0.2)


def check(s, ledger, rounds):
    want_sure = {f"{b}-{i}" for b, (acked, n) in ledger.items() if acked for i in range(n)}
    rows, stats = s.query("*")
    assert not stats["cut"] and stats["parts_damaged"] == 0, stats
    got = [r["key"] for r in rows]
    lost = want_sure - set(got)
    assert not lost, f"round {rounds}: {len(lost)} acknowledged rows lost, e.g. {sorted(lost)[:3]}"
    assert len(got) == len(set(got)), f"round {rounds}: {len(got) - len(set(got))} rows twice"
    unknown = {f"{b}-{i}" for b, (acked, n) in ledger.items() for i in range(n)}
    assert set(got) <= unknown, f"round {rounds}: rows that nobody sent"


def test_no_acknowledged_row_is_lost_by_kill_9():
    random.seed(os.environ.get("SONDE_SEED", "1"))
    s = Server(args=ARGS)
    ledger = {}
    try:
        for rounds in range(ROUNDS):
            s.start()
            resend = Writer(s, 0, ledger)
            for batch in [b for b, (acked, _) in list(ledger.items()) if not acked]:
                assert resend.send(batch) == 200, batch
            writers = [Writer(s, i, ledger) for i in range(3)]
            chores = Chores(s)
            for t in writers + [chores]:
                t.start()
            time.sleep(0.15 + random.random() * 0.7)
            s.kill()
            for t in writers + [chores]:
                t.going = False
            for t in writers + [chores]:
                t.join()
            if rounds % 5 == 4 or rounds == ROUNDS - 1:
                s.start()
                check(s, ledger, rounds)
                s.kill()
        acked = sum(n for a, n in ledger.values() if a)
        print(f"        {ROUNDS} kills, {acked} acknowledged rows, {sum(not a for a, _ in ledger.values())} batches of unknown fate")
        assert acked > ROUNDS * 50
    finally:
        s.remove()


if __name__ == "__main__":
    main(globals())
