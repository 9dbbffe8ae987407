"""Holds requests to AWS against botocore's service models: the emulators take what AWS would refuse."""

import base64
import json
import re
import urllib.parse
import xml.etree.ElementTree

import botocore.session
from botocore.validate import ParamValidator

session = botocore.session.Session()
# By the service's name in a signature.
SERVICES = {"dynamodb": "dynamodb", "states": "stepfunctions", "s3": "s3", "bedrock": "bedrock-runtime", "sagemaker": "sagemaker-runtime"}
models = {signed: session.get_service_model(name) for signed, name in SERVICES.items()}
# What HTTP, signing, checksums and the SDK's own bookkeeping add, whatever is asked for.
ANY_REQUEST = set(
    "accept amz-sdk-invocation-id amz-sdk-request authorization connection content-encoding content-length content-type "
    "host transfer-encoding user-agent x-amz-content-sha256 x-amz-date x-amz-decoded-content-length x-amz-security-token "
    "x-amz-checksum-crc32 x-amz-trailer x-amz-user-agent x-amzn-trace-id".split()
)


class Bad(Exception):
    """What AWS would not take."""


def judged(method, path, headers, body):
    """One line: "good OPERATION", or "bad OPERATION: why"."""
    headers = {name.lower(): value for name, value in headers.items()}
    try:
        signed = re.search(r"Credential=[^/]+/\d{8}/[^/]+/([^/]+)/aws4_request", headers.get("authorization", ""))
        if signed is None or signed[1] not in models:
            raise Bad(f"{method} {path}: no signature for a service that is known")
        model = models[signed[1]]
        operation, given = (by_target if model.metadata["protocol"] == "json" else by_place)(model, method, path, headers, body)
    except (Bad, ValueError) as error:
        return f"bad {error}"
    shape = operation.input_shape
    faults = ParamValidator().validate(given, shape).generate_report().split()
    faults += [fault for name, value in given.items() for fault in not_enumerated(value, shape.members.get(name))]
    return f"bad {operation.name}: {' '.join(faults)}" if faults else f"good {operation.name}"


def by_target(model, _method, _path, headers, body):
    prefix, _, name = headers.get("x-amz-target", "").rpartition(".")
    if prefix != model.metadata["targetPrefix"]:
        raise Bad(f"{prefix}.{name}: no service is meant by it")
    operation = model.operation_model(name)
    return operation, of_json(json.loads(body), operation.input_shape)


def by_place(model, method, path, headers, body):
    """The operation is known by method, path and query; of several, by the most that it explains."""
    place, _, query = path.partition("?")
    query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
    named = query.pop("x-id", None)
    found = []
    for name in model.operation_names:
        operation = model.operation_model(name)
        members = located(operation, method, place, query, headers)
        if members is not None and named in (None, name):
            found.append((len(members), name, operation, members))
    if not found:
        raise Bad(f"{method} {path}: no operation is asked for so, with {sorted(set(headers) - ANY_REQUEST)}")
    _, _, operation, members = max(found, key=lambda each: each[0])
    return operation, members | of_body(operation, model.metadata["protocol"], body)


def located(operation, method, place, query, headers):
    """The members in path, query and headers; None where another operation is meant."""
    template, _, literal = operation.http["requestUri"].partition("?")
    literal = dict(urllib.parse.parse_qsl(literal, keep_blank_values=True))
    # A bucket alone may end with a slash.
    place = place.removesuffix("/")
    pattern = re.sub(r"\\\{(\w+)(\\\+)?\\\}", lambda found: f"(?P<{found[1]}>{'.+' if found[2] else '[^/]+'})", re.escape(template))
    in_path = re.fullmatch(pattern, place)
    if operation.http["method"] != method or in_path is None or any(query.get(name) != value for name, value in literal.items()):
        return None
    in_path = {name: urllib.parse.unquote(value) for name, value in in_path.groupdict().items()}
    query, headers, found = {name: value for name, value in query.items() if name not in literal}, dict(headers), {}
    for member, shape in operation.input_shape.members.items():
        location, name = shape.serialization.get("location"), shape.serialization.get("name", member)
        source = {"uri": in_path, "querystring": query, "header": headers}.get(location)
        name = name.lower() if location == "header" else name
        if source is not None and name in source:
            found[member] = of_text(source.pop(name), shape)
    # A header of any request may be a member, too.
    strange = set(query) | (set(headers) - ANY_REQUEST)
    missing = {member for member in operation.input_shape.required_members if located_apart(operation, member)} - set(found)
    return None if strange or missing else found


def located_apart(operation, member):
    return "location" in operation.input_shape.members[member].serialization


def of_body(operation, protocol, body):
    shape = operation.input_shape
    payload = shape.serialization.get("payload")
    if payload is None:
        return of_json(json.loads(body), shape) if protocol == "rest-json" and body else {}
    member = shape.members[payload]
    if member.type_name == "structure":
        return {payload: of_xml(xml.etree.ElementTree.fromstring(body), member)}
    return {payload: body}


def of_json(value, shape):
    """The parameters as a caller of botocore gives them: what JSON has as base64 is bytes."""
    if shape.type_name == "blob":
        return base64.b64decode(value, validate=True)
    if shape.type_name == "structure" and isinstance(value, dict):
        members = shape.members
        return {name: of_json(part, members[name]) if name in members else part for name, part in value.items() if part is not None}
    if shape.type_name == "list" and isinstance(value, list):
        return [of_json(part, shape.member) for part in value]
    if shape.type_name == "map" and isinstance(value, dict):
        return {name: of_json(part, shape.value) for name, part in value.items()}
    return value


def of_xml(element, shape):
    if shape.type_name != "structure":
        return of_text(element.text or "", shape)
    given = {}
    for child in element:
        tag = child.tag.rpartition("}")[2]
        member = next((name for name, part in shape.members.items() if part.serialization.get("name", name) == tag), tag)
        part = shape.members.get(member)
        if part is not None and part.type_name == "list":  # flattened, as S3's are
            given.setdefault(member, []).append(of_xml(child, part.member))
        else:
            given[member] = child.text if part is None else of_xml(child, part)
    return given


def of_text(text, shape):
    if shape.type_name in ("integer", "long"):
        return int(text)
    if shape.type_name == "boolean":
        return {"true": True, "false": False}[text]
    return text


def not_enumerated(value, shape):
    """Strings that are none of those that a shape has; botocore lets them pass."""
    if shape is None:
        return
    if shape.type_name == "string" and getattr(shape, "enum", None) and value not in shape.enum:
        yield f"{value!r} is none of {shape.enum}"
    elif shape.type_name == "structure" and isinstance(value, dict):
        for name, part in value.items():
            yield from not_enumerated(part, shape.members.get(name))
    elif shape.type_name == "list" and isinstance(value, list):
        for part in value:
            yield from not_enumerated(part, shape.member)
    elif shape.type_name == "map" and isinstance(value, dict):
        for part in value.values():
            yield from not_enumerated(part, shape.value)
