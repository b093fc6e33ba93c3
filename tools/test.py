"""Runs every test and counts: unit and contract tests, the same under sanitizers, tidy, fuzzers, power cuts, kill -9 rounds, real clients.

The last line is `N passed, N failed[, N skipped]`; the exit status is non-zero when something failed. --full runs the full counts;
--only NAME… runs the named steps.
"""
import json, os, pathlib, re, subprocess, sys, time

ROOT = pathlib.Path(__file__).resolve().parent.parent
FULL = "--full" in sys.argv
ONLY = [a for a in sys.argv[1:] if not a.startswith("--")]
TIMEOUT_S = 7200 if FULL else 1200

passed, failed, skipped = 0, 0, 0
failures = []


def count(name, ok, bad, skip, seconds, output=""):
    global passed, failed, skipped
    passed, failed, skipped = passed + ok, failed + bad, skipped + skip
    state = "FAILED" if bad else "ok"
    print(f"{state:6} {name}: {ok} passed, {bad} failed" + (f", {skip} skipped" if skip else "") + f" ({seconds:.1f} s)", flush=True)
    for line in output.splitlines():
        if "[  SKIPPED ]" in line or line.startswith("skipped:"):
            print("         " + line.strip())
    if bad:
        failures.append(name)
        print("\n".join("       | " + line for line in output.splitlines()[-60:]), flush=True)


def run(command, env=None, timeout=TIMEOUT_S, cwd=ROOT):
    began = time.time()
    try:
        p = subprocess.run(command, cwd=cwd, env={**os.environ, **(env or {})}, timeout=timeout,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        code, out = p.returncode, p.stdout.decode("utf-8", "replace")
    except subprocess.TimeoutExpired as e:
        code, out = 124, (e.stdout or b"").decode("utf-8", "replace") + f"\ntimed out after {timeout} s"
    return code, out, time.time() - began


def count_run(name, command, env=None, timeout=TIMEOUT_S, cwd=ROOT):
    """One executable: cmocka's own counts, a closing `N passed, N failed` line, or else its exit status."""
    code, out, seconds = run(command, env, timeout, cwd)
    ok = sum(int(n) for n in re.findall(r"\[  PASSED  \] (\d+) test", out))
    bad = sum(int(n) for n in re.findall(r"\[  FAILED  \] (\d+) test", out))
    skip = sum(int(n) for n in re.findall(r"\[  SKIPPED \] (\d+) test", out))
    plain = re.findall(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", out, re.M)
    if plain:
        ok, bad, skip = (int(n or 0) for n in plain[-1])
    if not ok and not bad and not skip:
        ok, bad = (1, 0) if code == 0 else (0, 1)
    if code != 0 and not bad:
        bad = 1
    count(name, ok, bad, skip, seconds, out)


def setup(folder, *options, env=None):
    if (ROOT / folder / "build.ninja").exists():
        return True
    code, out, seconds = run(["meson", "setup", folder, *options], env)
    if code:
        count(f"setup {folder}", 0, 1, 0, seconds, out)
    return code == 0


def ninja(folder, *targets):
    code, out, seconds = run(["ninja", "-C", folder, *targets], timeout=3600)
    count(f"build {folder}", int(code == 0), int(code != 0), 0, seconds, out)
    return code == 0


def build(folder, *options, env=None):
    return setup(folder, *options, env=env) and ninja(folder)


def tests_of(folder):
    out = subprocess.run(["meson", "introspect", "--tests", folder], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
    return [t for t in json.loads(out)]


def run_suites(folder, suites, prefix="", env=None):
    for t in tests_of(folder):
        if set(s.split(":")[-1] for s in t["suite"]) & set(suites):
            count_run(prefix + t["name"], t["cmd"], {**t.get("env", {}), **(env or {})}, cwd=ROOT / folder)


def step_tidy():
    count_run("tidy", ["python3", "tools/tidy"])


def step_unit():
    if build("build"):
        run_suites("build", ["unit", "contract"])


def step_sim():
    if build("build"):
        cuts = "10000" if FULL else "2000"
        run_suites("build", ["sim"], env={"SONDE_POWER_CUTS": cuts})


def step_asan():
    if build("build-asan", "-Db_sanitize=address,undefined", "-Db_lundef=false", "-Doptimization=1", "-Dwerror=false"):
        run_suites("build-asan", ["unit", "contract"], "asan+ubsan: ",
                   {"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=1", "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
                    "SONDE_SANITIZED": "1"})


def step_tsan():
    if FULL and build("build-tsan", "-Db_sanitize=thread", "-Db_lundef=false", "-Doptimization=1", "-Dwerror=false"):
        run_suites("build-tsan", ["unit", "contract"], "tsan: ",
                   {"TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1", "SONDE_SANITIZED": "1"})


def step_clang():
    build("build-clang", env={"CC": "clang"})


def step_arm64():
    """The plain-C and NEON paths compile for arm64 (the libraries' headers are the host's: objects only)."""
    bad, out_all, began = 0, "", time.time()
    sources = [p for p in sorted((ROOT / "src").rglob("*.c")) if re.search(r"__x86_64__|__aarch64__|immintrin", p.read_text())]
    for p in sources:
        code, out, _ = run(["aarch64-linux-gnu-gcc", "-std=gnu17", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Isrc", "-idirafter",
                            "/usr/include", "-c", str(p), "-o", "/dev/null"])
        bad += code != 0
        out_all += out if code else ""
    count("arm64 compiles", len(sources) - bad, bad, 0, time.time() - began, out_all)


def step_fuzz():
    """Every executable named …_fuzz; only they and what they need are built."""
    folder = "build-fuzz"
    if not setup(folder, "-Dfuzz=true", "-Db_sanitize=address,undefined", "-Db_lundef=false", "-Doptimization=1", "-Dwerror=false",
                 "-Dc_args=-fsanitize=fuzzer-no-link", env={"CC": "clang"}):
        return
    out = subprocess.run(["meson", "introspect", "--targets", folder], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
    targets = sorted(pathlib.Path(f).relative_to(ROOT / folder) for t in json.loads(out) for f in t["filename"] if f.endswith("_fuzz"))
    if not ninja(folder, *map(str, targets)):
        return
    seconds = 120 if FULL else 20
    for exe in targets:
        code, out, took = run([f"./{exe}", f"-max_total_time={seconds}", "-rss_limit_mb=2048", "-timeout=20", "-verbosity=0",
                               "-print_final_stats=1", f"-artifact_prefix={exe}-"], cwd=ROOT / folder)
        count(f"fuzz {exe.name}", int(code == 0), int(code != 0), 0, took, out)


def step_oracle():
    if build("build"):
        run_suites("build", ["oracle"], env={"SONDE_ORACLE_QUERIES": "5000" if FULL else "300"})


def step_e2e():
    if build("build"):
        for script in sorted((ROOT / "tests" / "e2e").glob("test_*.py")):
            count_run(f"e2e {script.stem}", ["python3", str(script)], {"SONDE_KILLS": "200" if FULL else "50",
                                                                       "SONDE_FULL": "1" if FULL else ""})


def step_compat():
    if (ROOT / "tests" / "compat" / "run").exists() and build("build"):
        count_run("compat: real clients", ["tests/compat/run"])


STEPS = [step_tidy, step_unit, step_clang, step_arm64, step_oracle, step_sim, step_e2e, step_compat, step_asan, step_tsan, step_fuzz]


def main():
    began = time.time()
    for step in STEPS:
        if not ONLY or step.__name__.removeprefix("step_") in ONLY:
            step()
    print(f"\n{time.time() - began:.0f} s" + (f"; failed: {', '.join(failures)}" if failures else ""))
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    sys.exit(1 if failed or not passed else 0)


main()
