"""Stands before the emulator, and refuses every third request as DynamoDB does above a table's rate.

    python throttling_proxy.py PORT

PORT is the emulator's, on loopback. Prints the proxy's URL, then a line for each refusal.
"""

import http.client
import http.server
import itertools
import json
import sys

EMULATOR = int(sys.argv[1])
TYPE = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"
numbers = itertools.count(1)


class Proxy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if next(numbers) % 3 == 0:
            print("refused", flush=True)
            answer = json.dumps({"__type": TYPE, "message": "The level of configured provisioned throughput was exceeded."})
            self.answer(400, {"Content-Type": "application/x-amz-json-1.0"}, answer.encode())
            return
        emulator = http.client.HTTPConnection("127.0.0.1", EMULATOR)
        emulator.request("POST", self.path, body, dict(self.headers))
        response = emulator.getresponse()
        kept = {name: value for name, value in response.getheaders() if name.lower().startswith(("content-type", "x-amz"))}
        self.answer(response.status, kept, response.read())
        emulator.close()

    def answer(self, status, headers, body):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
