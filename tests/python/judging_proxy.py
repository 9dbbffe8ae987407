"""Stands before the emulator, and holds every request to DynamoDB and Step Functions against botocore's service models.

    python judging_proxy.py PORT [EVERY]

PORT is the emulator's, on loopback. Every EVERY-th request is refused as DynamoDB does above a table's rate. Prints the
proxy's URL, then a line for each request: "good OPERATION", "bad OPERATION: why" or "refused".
"""

import base64
import http.client
import http.server
import itertools
import json
import sys

import botocore.session
from botocore.validate import ParamValidator

EMULATOR = int(sys.argv[1])
EVERY = int(sys.argv[2]) if len(sys.argv) > 2 else 0
TYPE = "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"
numbers = itertools.count(1)

session = botocore.session.Session()
models = {session.get_service_model(name).metadata["targetPrefix"]: session.get_service_model(name) for name in ("dynamodb", "stepfunctions")}


def judged(target, body):
    prefix, _, operation = target.rpartition(".")
    if prefix not in models:
        return f"bad {target}: no service is meant by it"
    shape = models[prefix].operation_model(operation).input_shape
    faults = ParamValidator().validate(as_given(json.loads(body), shape), shape)
    return f"bad {operation}: {' '.join(faults.generate_report().split())}" if faults.has_errors() else f"good {operation}"


def as_given(value, shape):
    """The parameters as a caller of botocore gives them: what JSON has as base64 is bytes."""
    if shape.type_name == "blob":
        return base64.b64decode(value, validate=True)
    if shape.type_name == "structure" and isinstance(value, dict):
        members = shape.members
        return {name: as_given(part, members[name]) if name in members else part for name, part in value.items() if part is not None}
    if shape.type_name == "list" and isinstance(value, list):
        return [as_given(part, shape.member) for part in value]
    if shape.type_name == "map" and isinstance(value, dict):
        return {name: as_given(part, shape.value) for name, part in value.items()}
    return value


class Proxy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        print(judged(self.headers.get("X-Amz-Target", ""), body), flush=True)
        if EVERY and next(numbers) % EVERY == 0:
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
