"""A damaged file: said, counted, set aside, and the rest is served."""
import json, pathlib, random
from harness import Server, main


def test_a_damaged_segment_costs_its_rows_and_nothing_else():
    random.seed(3)
    with Server() as s:
        for k in range(3):
            s.ingest([{"@timestamp": f"2026-11-1{k}T05:00:00.{i % 1000:03}Z", "service": f"s{i % 5}", "day": k,
                       "message": f"row {i} of day {k} " + "%032x" % random.getrandbits(128)} for i in range(20000)])
        assert s.post("/api/admin/merge", b"")[0] == 200
        segments = sorted(pathlib.Path(s.data, "segments").glob("*.seg"), key=lambda p: p.stat().st_size)
        assert len(segments) == 3, segments
        s.stop()
        raw = bytearray(segments[1].read_bytes())
        for at in random.sample(range(len(raw) // 4, len(raw) // 2), 20):
            raw[at] ^= 0x40
        segments[1].write_bytes(raw)
        s.start()
        rows, stats = s.query("* | stats count() as n by day")
        whole = [r for r in rows if r["n"] == 20000]
        assert len(whole) >= 2, rows
        rows, stats = s.query("row")
        assert stats["parts_damaged"] > 0 and 40000 <= len(rows) < 60000, (len(rows), stats)
        assert all(r["@message"].startswith("row ") for r in rows)
        s.ingest([{"message": "still writable"}])
        assert s.count("writable") == 1


if __name__ == "__main__":
    main(globals())
