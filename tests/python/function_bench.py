"""Times the functions' executables, and weighs the runner, without AWS and without an emulator.

    python function_bench.py FOLDER

FOLDER holds the executables as `<function>/bootstrap`, as `scripts/release` leaves them in target/release-build. Each is
started as Lambda does, with a Runtime API on loopback that this is. Prints from spawn to the first call for an event, to
the first answer (of an event that is refused at once), and the runner's peak memory while it keeps 256 streams against
its own simulator.
"""

import http.server
import json
import os
import pathlib
import queue
import statistics
import subprocess
import sys
import threading
import time

TURNS = 20
CALIBRATE = {"calibrate": {"concurrency": [256], "rates_per_s": [], "seconds": 10}}


class Runtime:
    """A Lambda Runtime API for one process."""

    def __init__(self):
        self.asked = self.answered = None
        self.events, self.answers = queue.Queue(), queue.Queue()
        runtime = self

        class Api(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                runtime.asked = runtime.asked or time.perf_counter()
                event = json.dumps(runtime.events.get()).encode()
                self.send_response(200)
                for name, value in {
                    "Lambda-Runtime-Aws-Request-Id": "1",
                    "Lambda-Runtime-Deadline-Ms": str(int(time.time() * 1000) + 900_000),
                    "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:000000000000:function:f",
                    "Content-Length": str(len(event)),
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(event)

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                runtime.answered = time.perf_counter()
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()
                runtime.answers.put((self.path, json.loads(body)))

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
        self.server.handle_error = lambda *_: None  # a process that is killed resets its connection
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def run(self, binary, event):
        """Starts the executable and hands it the event; its process, the start, and its answer."""
        environment = {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self.server.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": "f",
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
            "FMGAUGE_TABLE": "t",
            "FMGAUGE_BUCKET": "b",
            "PATH": os.environ["PATH"],
        }
        self.events.put(event)
        begun = time.perf_counter()
        process = subprocess.Popen([binary], env=environment, stdout=subprocess.DEVNULL)
        path, answer = self.answers.get()
        return process, begun, path, answer


def ended(process):
    process.kill()
    process.wait()


def start_times(binary):
    asked, answered = [], []
    for _ in range(TURNS):
        runtime = Runtime()
        process, begun, path, answer = runtime.run(binary, {"nonsense": True})
        ended(process)
        runtime.server.shutdown()
        assert path.endswith("/error"), answer
        asked.append(1000 * (runtime.asked - begun))
        answered.append(1000 * (runtime.answered - begun))
    return statistics.median(asked), statistics.median(answered)


def peak_mb(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def main():
    folder = pathlib.Path(sys.argv[1]).resolve()
    for name in ("planner", "runner", "summarizer"):
        binary = folder / name / "bootstrap"
        asked, answered = start_times(binary)
        print(f"{name}: {binary.stat().st_size / 1e6:.1f} MB; from spawn to the first call {asked:.1f} ms, to the first answer {answered:.1f} ms (medians of {TURNS})")
    process, _, path, answer = Runtime().run(folder / "runner" / "bootstrap", CALIBRATE)
    peak = peak_mb(process.pid)
    ended(process)
    assert path.endswith("/response"), answer
    level = answer["levels"][0]
    print(f"runner with 256 streams: peak {peak:.1f} MB; {level['completed']} requests, {level['validity']['grade']}")


main()
