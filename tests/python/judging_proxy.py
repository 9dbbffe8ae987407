"""Stands before an emulator or a simulator, and has every request to AWS judged (see judge.py).

    python judging_proxy.py PORT [EVERY]

PORT is on loopback. Every EVERY-th request is refused as DynamoDB does above a table's rate. Prints the proxy's URL, then
a line for each request: "good OPERATION", "bad OPERATION: why" or "refused".
"""

import http.client
import http.server
import itertools
import json
import sys

from judge import judged

SERVER = int(sys.argv[1])
EVERY = int(sys.argv[2]) if len(sys.argv) > 2 else 0
TYPE = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"
numbers = itertools.count(1)


class Proxy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        print(judged(self.command, self.path, self.headers, body), flush=True)
        if EVERY and next(numbers) % EVERY == 0:
            print("refused", flush=True)
            said = json.dumps({"__type": TYPE, "message": "The level of configured provisioned throughput was exceeded."}).encode()
            self.begin(400, {"Content-Type": "application/x-amz-json-1.0", "Content-Length": str(len(said))})
            self.wfile.write(said)
            return
        server = http.client.HTTPConnection("127.0.0.1", SERVER)
        server.request(self.command, self.path, body, dict(self.headers))
        response = server.getresponse()
        kept = {name: value for name, value in response.getheaders() if name.lower() not in ("connection", "date", "server", "transfer-encoding")}
        chunked = self.command != "HEAD" and response.length is None
        self.begin(response.status, kept | ({"Transfer-Encoding": "chunked"} if chunked else {}))
        # Handed on as it comes.
        while part := response.read1(65536):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
        if chunked:
            self.wfile.write(b"0\r\n\r\n")
        server.close()

    do_DELETE = do_GET = do_HEAD = do_POST = do_PUT = handle_any

    def begin(self, status, headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
