"""What a newcomer does in the first ten minutes, and the mistakes they make."""
import gzip, json, pathlib, socket, subprocess, time
from harness import ROOT, SONDE, Server, Skip, free_port, main

NOW = "2026-11-21T06:31:55"


def test_rows_come_back_newest_first_with_what_was_sent():
    with Server() as s:
        answer = s.ingest([{"@timestamp": f"{NOW}.00{i}Z", "level": "info", "service": "cart", "message": f"step {i}", "n": i, "f": 1.5,
                            "deep": {"a": {"b": True}}, "list": [1, "x"]} for i in range(5)])
        assert answer["accepted"] == 5 and answer["rejected"] == 0, answer
        rows, stats = s.query("*")
        assert [r["n"] for r in rows] == [4, 3, 2, 1, 0]
        r = rows[0]
        assert r["@message"] == "step 4" and r["service"] == "cart" and r["f"] == 1.5 and r["deep.a.b"] is True, r
        assert r["list"] == [1, "x"] and r["@timestamp"].startswith(f"{NOW}.004"), r
        assert stats["rows"] == 5


def test_a_row_is_found_by_word_phrase_field_and_range():
    with Server() as s:
        s.ingest([{"@timestamp": f"{NOW}.{i:03}Z", "service": "pay" if i % 2 else "cart", "message": f"Card DECLINED for order {i}",
                   "amount": i * 10} for i in range(100)])
        assert s.count("declined") == 100
        assert s.count('"card declined"') == 100
        assert s.count("service:pay") == 50
        assert s.count("amount:>=500") == 50
        assert s.count("amount:[100 TO 190]") == 10
        assert s.count("42 order") == 1
        assert s.count("@message:*clin*") == 100
        assert s.count("@message:/order 9[0-9]/") == 10
        assert s.count("declined NOT service:pay") == 50
        assert s.count('{service="cart"}') == 50
        assert s.count("nothing") == 0


def test_the_queries_of_other_systems_run_unchanged():
    with Server() as s:
        s.ingest([{"@timestamp": int(time.time() * 1000) - 3 * 86400000 - i, "service": "household", "event": "household.created",
                   "status": "error" if i % 4 == 0 else "success", "userId": "user-12345", "duration_ms": i * 100, "message": "m"}
                  for i in range(40)])
        rows, _ = s.query("fields @timestamp, @message | stats count() by @logStream | sort count desc | limit 10")
        assert len(rows) == 1 and 40 in rows[0].values(), rows
        rows, _ = s.query("event:household.created status:error userId:user-12345 @timestamp:[NOW-4d TO NOW-2d]")
        assert len(rows) == 10, len(rows)
        rows, _ = s.query('filter event = "household.created" | stats sum(status = "success" and duration_ms < 2000) as good_requests, '
                          'count(*) as total_requests | eval sli = good_requests / total_requests * 100')
        assert rows == [{"good_requests": 15, "total_requests": 40, "sli": 37.5}], rows


def test_a_bad_row_is_told_with_its_number_and_kept_as_a_dead_letter():
    with Server() as s:
        status, answer = s.post("/ingest/json", '{"message":"good"}\n{"message":oops}\n{"message":"good too"}\n')
        answer = json.loads(answer)
        assert status == 200 and answer["accepted"] == 2 and answer["rejected"] == 1, answer
        assert answer["errors"][0]["row"] == 1 and answer["errors"][0]["reason"], answer
        rows, _ = s.query("*", table="dead_letters")
        assert len(rows) == 1 and "oops" in rows[0]["@message"] and rows[0]["reason"], rows


def test_a_row_from_the_far_future_is_a_dead_letter():
    with Server() as s:
        status, answer = s.post("/ingest/json", '{"@timestamp":"2099-01-01T00:00:00Z","message":"early"}\n')
        assert status == 400 and b"future" in answer, (status, answer)
        assert s.count() == 0
        rows, _ = s.query("*", table="dead_letters")
        assert len(rows) == 1 and "early" in rows[0]["@message"], rows


def test_raw_lines_come_back_byte_for_byte():
    lines = [b"plain", b"with\ttab and \r carriage return\r", b"\xff\xfe not utf-8", b"", b'{"looks":"like json"}', b"x" * 100000]
    with Server() as s:
        status, answer = s.post("/ingest/raw?service=nginx&zone=eu", b"\n".join(lines))
        assert status == 200 and json.loads(answer)["accepted"] == len(lines), answer
        rows, _ = s.query('{zone="eu"}')
        got = sorted(r.get("@message", "").encode("utf-8", "surrogateescape") for r in rows)
        assert got == sorted(lines), got


def test_compressed_bodies_are_taken():
    with Server() as s:
        body = gzip.compress(b'{"message":"squeezed"}\n' * 1000)
        status, answer = s.post("/ingest/json", body, {"Content-Encoding": "gzip"})
        assert status == 200 and json.loads(answer)["accepted"] == 1000, answer
        bomb = gzip.compress(b"\0" * (64 << 20))
        status, answer = s.post("/ingest/json", bomb, {"Content-Encoding": "gzip"})
        assert status == 413, (status, answer)
        assert s.count() == 1000


def test_a_batch_id_makes_a_retry_harmless_also_after_a_restart():
    with Server() as s:
        for round in range(3):
            answer = s.ingest([{"message": "once"}] * 10, headers={"X-Sonde-Batch-Id": "b1"})
            assert answer["duplicate"] == (round > 0), (round, answer)
            if round == 1:
                s.kill()
                s.start()
        assert s.count() == 10
        status, answer = s.post("/api/admin/flush", b"")
        assert status == 200
        s.kill()
        s.start()
        answer = s.ingest([{"message": "once"}] * 10, headers={"X-Sonde-Batch-Id": "b1"})
        assert answer["duplicate"] and s.count() == 10, answer


def test_flush_merge_and_restart_change_no_answer():
    with Server() as s:
        for k in range(5):
            s.ingest([{"@timestamp": f"2026-11-21T0{k}:{i % 60:02}:00Z", "service": f"s{i % 3}", "level": ["info", "error"][i % 2],
                       "message": f"request {i} took {i * 7} ms", "k": k} for i in range(500)])
        queries = ["* | stats count() as n by service, level | sort service, level", "request AND 77 | sort k", "* | stats sum(k) as s, max(k) as m"]
        before = [s.query(q)[0] for q in queries]
        assert before[0] and before[1] and before[2]
        for step in ("/api/admin/flush", "/api/admin/merge", "restart"):
            if step == "restart":
                assert s.stop() == 0
                s.start()
            else:
                status, answer = s.post(step, b"")
                assert status == 200, (step, answer)
            after = [s.query(q)[0] for q in queries]
            assert after == before, (step, before, after)


def test_an_id_is_found_by_field_and_bare_before_and_after_merges():
    ids = [f"{i * 0x9e3779b97f4a7c15f39cc0605cedc835 % 2**128:032x}" for i in range(1, 400)]
    with Server() as s:
        s.ingest([{"service": "a", "message": f"m {i}", **({"trace_id": ids[i // 10]} if i % 2 else {}),
                   "request": f"{ids[i % 399][:8]}-{ids[i % 399][8:12]}-4abc-8def-{ids[i % 399][12:24]}"} for i in range(3000)])
        uuid = f"{ids[7][:8]}-{ids[7][8:12]}-4abc-8def-{ids[7][12:24]}"
        for step in ("live", "/api/admin/flush", "/api/admin/merge"):
            if step != "live":
                assert s.post(step, b"")[0] == 200
            for q, want in ((f"trace_id:{ids[77]}", 5), (ids[77], 5), (f'trace_id = "{ids[77]}"', 5), (ids[77].upper(), 5),
                            (f"trace_id:{ids[77][:-1]}0", int(ids[77][-1] == "0") * 5), (uuid, 8), (f'request = "{uuid}"', 8)):
                rows, _ = s.query(q)
                assert len(rows) == want, (step, q, len(rows), want)


def test_deleted_rows_are_gone_at_once_and_stay_gone():
    with Server() as s:
        s.ingest([{"service": "a" if i % 2 else "b", "message": f"row {i}"} for i in range(100)])
        status, answer = s.post("/api/records/delete?q=service:a", b"")
        assert status == 200, answer
        assert s.count() == 50
        s.ingest([{"service": "a", "message": "new"}])
        assert s.count() == 51
        assert s.post("/api/admin/merge", b"")[0] == 200
        assert s.count() == 51
        s.kill()
        s.start()
        assert s.count() == 51 and s.count("service:a") == 1
        status, answer = s.post("/api/records/delete?q=", b"")
        assert status == 400, answer


def test_mistakes_in_a_query_point_at_the_character():
    with Server() as s:
        status, answer, _ = s.request("GET", "/api/records/query?q=*%20%7C%20stat%20count()")
        answer = json.loads(answer)
        assert status == 400 and answer["offset"] == 4 and "stats" in answer["error"], answer
        status, answer, _ = s.request("GET", "/api/records/query?q=a&start=yesterdayish")
        assert status == 400 and b"start" in answer, answer


def test_pages_by_cursor_are_complete_and_do_not_repeat():
    with Server() as s:
        s.ingest([{"@timestamp": f"{NOW}.{i // 7:03}Z", "service": f"s{i % 3}", "message": f"m{i}"} for i in range(1000)])
        seen, cursor = [], ""
        while True:
            rows, stats = s.query("*", limit=97, **({"cursor": cursor} if cursor else {}))
            seen += [r["@message"] for r in rows]
            cursor = stats["cursor"]
            if not cursor:
                break
        assert sorted(seen) == sorted(f"m{i}" for i in range(1000)), len(seen)


def test_every_command_has_a_page_and_its_examples_run():
    import re
    pages, ran = ROOT / "docs" / "query", 0
    with Server() as s:
        s.ingest([{"service": ["cart", "web", "db"][i % 3], "level": ["info", "error"][i % 2], "status": [200, 500][i % 2], "duration_ms": i * 7.5,
                   "message": f"request {i} done", "user_id": f"u-{i % 5}", "http_path": "/x", "event": "household.created"} for i in range(90)])
        language = json.loads(s.request("GET", "/api/language")[1])
        assert len(language["functions"]) >= 40 and len(language["aggregates"]) >= 12, language
        for c in language["commands"]:
            page = pages / ("command_filter.md" if c["name"] == "filter" else c["name"] + ".md")
            assert page.exists(), page
            examples = [line[4:] for line in page.read_text().splitlines() if re.match(r"    \S.* \| ", line)]
            examples += [q for block in re.findall(r"```sonde\n(.*?)```", page.read_text(), re.S) for q in block.strip().splitlines()]
            for q in examples:
                s.query(q, limit=50)
                ran += 1
        assert ran >= len(language["commands"]), ran


def test_hits_facets_and_patterns():
    with Server() as s:
        s.ingest([{"@timestamp": f"2026-11-21T06:{i % 60:02}:00Z", "level": "error" if i % 4 == 0 else "info", "service": "cart",
                   "message": f"user {i} logged in after {i * 3} ms"} for i in range(240)])
        hits = json.loads(s.request("GET", "/api/records/hits?q=*&step=1m&field=level")[1])
        assert sum(h["count"] for h in hits["hits"]) == 240 and hits["step_ms"] == 60000, hits
        assert {h["key"] for h in hits["hits"]} == {"error", "info"}
        facets = json.loads(s.request("GET", "/api/records/facets?q=*")[1])
        level = [f for f in facets["facets"] if f["field"] == "level"][0]
        assert {v["value"]: v["count"] for v in level["values"]} == {"info": 180, "error": 60}, level
        for step in ("live", "merged"):
            patterns = json.loads(s.request("GET", "/api/records/patterns?q=*")[1])
            assert patterns["patterns"][0]["count"] == 240 and "<*>" in patterns["patterns"][0]["pattern"], patterns
            assert s.post("/api/admin/merge", b"")[0] == 200


def test_tail_shows_rows_as_they_are_acknowledged():
    with Server() as s:
        c = socket.create_connection(("127.0.0.1", s.port), timeout=10)
        c.sendall(b"GET /api/records/tail?q=level:error HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.3)
        s.ingest([{"level": "info", "message": "no"}, {"level": "error", "message": "yes-1"}])
        s.ingest([{"level": "error", "message": "yes-2"}])
        got, end = b"", time.time() + 8
        while b"yes-2" not in got and time.time() < end:
            got += c.recv(65536)
        c.close()
        assert b"yes-1" in got and b"yes-2" in got and b'"no"' not in got, got
        assert b"text/event-stream" in got


def test_a_stop_does_not_wait_for_tails():
    s = Server().start()
    try:
        c = socket.create_connection(("127.0.0.1", s.port), timeout=10)
        c.sendall(b"GET /api/records/tail?q=* HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.3)
        began = time.time()
        assert s.stop() == 0 and time.time() - began < 15, time.time() - began
    finally:
        s.remove()


def test_a_public_address_without_a_token_is_refused_with_the_fix():
    p = subprocess.run([SONDE, "serve", "--data", "/nonexistent-x", "--listen", "0.0.0.0:7999"], capture_output=True, timeout=10)
    assert p.returncode != 0 and b"auth.tokens" in p.stderr, p.stderr


def test_a_token_opens_everything_but_health():
    with Server(args=["--set", "auth.tokens=0123456789abcdef"]) as s:
        assert s.request("GET", "/-/ready")[0] == 200
        for path in ("/metrics", "/api/records/query?q=*", "/"):
            assert s.request("GET", path)[0] == 401, path
        assert s.post("/ingest/json", "{}")[0] == 401
        good = {"Authorization": "Bearer 0123456789abcdef"}
        assert s.request("GET", "/metrics", headers=good)[0] == 200
        assert s.request("GET", "/metrics", headers={"Authorization": "Bearer 0123456789abcdee"})[0] == 401


def test_metrics_health_and_status_answer():
    with Server() as s:
        s.ingest([{"message": "x"}] * 3)
        text = s.request("GET", "/metrics")[1].decode()
        assert "sonde_ingest_rows_total 3" in text and "# TYPE sonde_ingest_rows_total counter" in text
        assert s.request("GET", "/-/healthy")[0] == 200
        status = json.loads(s.request("GET", "/api/admin/status")[1])
        assert status["live_rows"] == 3, status
        assert s.request("GET", "/no/such/path")[0] == 404
        code, _, headers = s.request("GET", "/ingest/json")
        assert code == 405 and "POST" in headers["allow"]


def test_elasticsearch_clients_find_what_they_ask_for():
    with Server() as s:
        status, body, headers = s.request("GET", "/")
        assert status == 200 and headers["x-elastic-product"] == "Elasticsearch"
        assert json.loads(body)["tagline"] == "You Know, for Search"
        bulk = ('{"index":{"_index":"logs","_id":"1"},"attempts":0}\n{"message":"bulk one"}\n'
                '{"create":{"_index":"logs","_id":"2"}}\n{"message":"bulk two"}\n{"delete":{"_index":"logs","_id":"1"}}\n')
        status, body, headers = s.request("POST", "/_bulk", bulk, {"Content-Type": "application/x-ndjson"})
        answer = json.loads(body)
        assert status == 200 and headers["x-elastic-product"] == "Elasticsearch", headers
        assert [list(i.values())[0]["status"] // 100 for i in answer["items"]] == [2, 2, 4] and answer["errors"] is True, answer
        status, body, _ = s.request("POST", "/_bulk", bulk, {"Content-Type": "application/x-ndjson"})
        assert [list(i.values())[0]["status"] for i in json.loads(body)["items"]][1] == 409, body
        assert s.count() == 2
        assert s.request("HEAD", "/_index_template/t")[0] == 404
        assert s.request("PUT", "/_index_template/t", '{"a":1}')[0] == 200
        assert s.request("GET", "/_index_template/t")[1] == b'{"a":1}'


def test_the_command_line_sends_and_asks():
    with Server() as s:
        server = ["--server", f"http://127.0.0.1:{s.port}"]
        lines = b"".join(b"line %d of many\n" % i for i in range(5000))
        p = subprocess.run([SONDE, "ingest", "-", "--label", "service=cli", *server], input=lines, capture_output=True, timeout=60)
        assert p.returncode == 0 and b"5000 rows kept" in p.stderr, p.stderr
        p = subprocess.run([SONDE, "query", "4999", *server, "--format", "json"], capture_output=True, timeout=60)
        assert p.returncode == 0 and json.loads(p.stdout)["@message"] == "line 4999 of many", p.stdout
        p = subprocess.run([SONDE, "query", "* | stats count() as n", *server, "--format", "csv"], capture_output=True, timeout=60)
        assert p.stdout == b"n\n5000\n", p.stdout
        p = subprocess.run([SONDE, "query", "* | nonsense", *server], capture_output=True, timeout=60)
        assert p.returncode == 1 and b"nonsense" in p.stderr, p.stderr
        p = subprocess.run([SONDE, "query", "x", "--server", f"http://127.0.0.1:{free_port()}"], capture_output=True, timeout=60)
        assert p.returncode == 1 and p.stderr, p


def test_check_names_the_line_of_a_mistake():
    import tempfile
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
        f.write("server:\n  listen: 127.0.0.1:7663\nquerry:\n  time: 5s\n")
        f.flush()
        p = subprocess.run([SONDE, "check", f.name], capture_output=True, timeout=10)
        assert p.returncode == 1 and b"line 4" in p.stderr and b"query.time" in p.stderr, p.stderr


def test_loghub_files_come_back_byte_for_byte():
    folder = ROOT.parent / "shared" / "data" / "loghub"
    files = sorted(folder.glob("*/*_2k.log"))
    if not files:
        raise Skip("the Loghub samples are not here")
    with Server() as s:
        for f in files:
            status, answer = s.post(f"/ingest/raw?service={f.parent.name}", f.read_bytes())
            assert status == 200, answer
        for step in ("live", "/api/admin/flush", "/api/admin/merge"):
            if step != "live":
                assert s.post(step, b"")[0] == 200
            for f in files:
                want = f.read_bytes().split(b"\n")
                want = want[:-1] if want[-1] == b"" else want
                rows, _ = s.query(f'{{service="{f.parent.name}"}}')
                got = [r.get("@message", "").encode("utf-8", "surrogateescape") for r in rows]
                assert sorted(got) == sorted(want), (step, f.name, len(got), len(want))


if __name__ == "__main__":
    main(globals())
