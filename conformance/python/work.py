"""What the programs here share: named scenarios with a bound in time, and one closing line."""
import sys
import time
import traceback
import uuid

passed = failed = 0


def name(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def scenario(title, work):
    global passed, failed
    start = time.monotonic()
    try:
        work()
        passed += 1
        print(f"pass {title} ({(time.monotonic() - start) * 1000:.0f} ms)")
    except Exception as error:  # a scenario may fail in any way; the next one still runs
        failed += 1
        print(f"FAIL {title}: {error!r}")
        traceback.print_exc(file=sys.stderr)


def close():
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
