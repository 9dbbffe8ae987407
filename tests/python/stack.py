"""Brings fmgauge up on one machine: the SAM template, the state machines and the functions' real binaries, on ministack.

    pip install -r requirements.txt
    python stack.py up --dir WORK --functions DIR [--env KEY=VALUE ...] [--parameter KEY=VALUE ...]
    python stack.py put --dir WORK --bucket BUCKET --key KEY FILE
    python stack.py execute --dir WORK --state-machine ARN --input JSON [--name NAME] [--timeout SECONDS]
    python stack.py stop --dir WORK --execution ARN
    python stack.py put-event --dir WORK --source SOURCE --type TYPE --detail JSON
    python stack.py invoke --dir WORK --function NAME --payload JSON
    python stack.py down --dir WORK

Each command prints one JSON document. What `up` printed is kept in WORK/stack.json, the emulator's log is
WORK/ministack.log. With `up --while-stdin` all processes end when whoever holds the other end of the standard input
has ended, however that ended; `down` may still come first. Everything listens on loopback only; nothing reaches AWS,
and no credentials are read. Linux only: processes are found in /proc.
"""

import argparse
import hashlib
import io
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile

INFRA = pathlib.Path(__file__).resolve().parents[2] / "infra"
NAME = "fmgauge"
PACKAGES = "fmgauge-packages"
REGION = "us-east-1"
POLL_SECONDS = 0.2
START_SECONDS = 60
ENDED = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")

# Becomes the program that it is given, and kills that program's process group when standard input ends.
UNTIL_STDIN_ENDS = 'exec 3<&0; { cat <&3; kill -9 0; } >/dev/null 2>&1 & exec 3<&-; exec "$@" </dev/null'


def forget_aws():
    """The user's profiles, settings and credentials are none of our business."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}


def client(service, endpoint):
    import boto3  # here, because it takes longer than all else that runner-pids does
    from botocore.config import Config

    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(s3={"addressing_style": "path"}, proxies={}),
    )


def until(what, seconds, probe):
    """Polls until `probe` returns something, and returns that."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := probe():
            return found
        time.sleep(POLL_SECONDS)
    raise TimeoutError(f"{what}: not within {seconds:g} s")


# Up and down


def up(args):
    work = pathlib.Path(args.dir).resolve()
    (work / "tmp").mkdir(parents=True, exist_ok=True)
    if (work / "stack.json").exists():
        raise SystemExit(f"{work} already holds a stack; `down` first")
    extra = dict(pair.split("=", 1) for pair in args.env)
    emulator, endpoint = start_emulator(work, args.port or free_port(), extra, args.while_stdin)
    stack = {"pid": emulator.pid, "endpoint": endpoint, "region": REGION, "log": str(work / "ministack.log")}
    try:
        until("ministack is ready", START_SECONDS, lambda: ready(emulator, endpoint))
        parameters = dict(pair.split("=", 1) for pair in args.parameter)
        stack |= deploy(endpoint, package(endpoint, pathlib.Path(args.functions)), parameters)
    except BaseException:
        end_group(emulator.pid)
        raise
    (work / "stack.json").write_text(json.dumps(stack))
    return stack


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_emulator(work, port, extra, while_stdin):
    """Functions inherit the emulator's environment, so it is a clean one: no proxies, profiles or credentials."""
    endpoint = f"http://127.0.0.1:{port}"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(work),
        "TMPDIR": str(work / "tmp"),
        "S3_DATA_DIR": str(work / "tmp" / "s3"),
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "LAMBDA_EXECUTOR": "local",
        "AUTH": "true",  # functions get their role's credentials and no more than its policies allow
        "IOT_MTLS_ENABLED": "0",  # it would listen on every interface
        "SFTP_ENABLED": "0",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
        **extra,
    }
    command = [sys.executable, "-m", "ministack"]
    if while_stdin:
        command = ["sh", "-c", UNTIL_STDIN_ENDS, "sh", *command]
    with open(work / "ministack.log", "wb") as log:
        emulator = subprocess.Popen(
            command,
            cwd=work,
            env=environment,
            stdin=sys.stdin if while_stdin else subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    return emulator, endpoint


def ready(emulator, endpoint):
    if emulator.poll() is not None:
        raise SystemExit(f"ministack ended with {emulator.returncode}; see its log")
    try:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        return opener.open(f"{endpoint}/_ministack/health", timeout=5).status == 200
    except (urllib.error.URLError, OSError):
        return False


def package(endpoint, functions):
    """What `sam package` does: uploads what the template's local paths name, and returns the template with S3 URIs."""
    s3 = client("s3", endpoint)
    s3.create_bucket(Bucket=PACKAGES)

    def upload(match):
        prefix, kind, path = match.groups()
        if kind == "CodeUri":
            body, suffix = zipped((functions / pathlib.Path(path).name).read_bytes()), ".zip"
        else:
            body, suffix = (INFRA / path).read_bytes(), ".asl.json"
        key = hashlib.sha256(body).hexdigest() + suffix
        s3.put_object(Bucket=PACKAGES, Key=key, Body=body)
        return f"{prefix}{kind}: s3://{PACKAGES}/{key}"

    template = re.sub(r"(?m)^( +)(CodeUri|DefinitionUri): (\S+)$", upload, (INFRA / "template.yaml").read_text())
    # The emulator refuses alarms that reckon with several metrics.
    alarms = r"(?m)^  \w+Alarm:\n(?:    .*\n)*?      Metrics:\n(?:    .*\n)+\n?"
    return re.sub(alarms, "", template)


def zipped(binary):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, binary, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def deploy(endpoint, template, parameters):
    cloudformation = client("cloudformation", endpoint)
    capabilities = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
    # From S3, because it is longer than what may come with the request.
    client("s3", endpoint).put_object(Bucket=PACKAGES, Key="template.yaml", Body=template)
    url = f"{endpoint}/{PACKAGES}/template.yaml"
    cloudformation.create_stack(StackName=NAME, TemplateURL=url, Capabilities=capabilities, Parameters=given)

    def settled():
        stack = cloudformation.describe_stacks(StackName=NAME)["Stacks"][0]
        return None if stack["StackStatus"].endswith("IN_PROGRESS") else stack

    stack = until("the stack is deployed", START_SECONDS, settled)
    if stack["StackStatus"] != "CREATE_COMPLETE":
        events = cloudformation.describe_stack_events(StackName=NAME)["StackEvents"]
        reasons = [f"{e['LogicalResourceId']}: {e['ResourceStatusReason']}" for e in events if "ResourceStatusReason" in e]
        raise SystemExit("\n".join([stack["StackStatus"], stack.get("StackStatusReason", ""), *reasons]))
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    # The bucket refuses plain HTTP, which is all that there is here.
    client("s3", endpoint).delete_bucket_policy(Bucket=outputs["Bucket"])
    # So does the topic.
    sns, topic = client("sns", endpoint), outputs["NotificationTopic"]
    policy = json.loads(sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"])
    policy["Statement"] = [statement for statement in policy["Statement"] if statement["Sid"] != "TlsOnly"]
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(policy))
    return {
        "run_state_machine": outputs["RunStateMachineArn"],
        "finish_state_machine": outputs["FinishStateMachineArn"],
        "bucket": outputs["Bucket"],
        "table": outputs["Table"],
        "runner_function": outputs["RunnerFunction"],
        "notification_topic": outputs["NotificationTopic"],
    }


def down(args):
    """Ends the emulator and the functions it started: they are a process group of their own."""
    if not (args.dir or args.pid):
        raise SystemExit("down needs --dir or --pid")
    pid = args.pid or stack_in(args.dir)["pid"]
    end_group(pid)
    if args.dir:
        (pathlib.Path(args.dir) / "stack.json").unlink(missing_ok=True)
    return {"ended": pid}


def end_group(group):
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(group, number)
            until(f"process group {group} has ended", 10, lambda: not members(group))
            return
        except ProcessLookupError:
            return
        except TimeoutError:
            if number == signal.SIGKILL:
                raise


def members(group):
    return [pid for pid, (state, _, of) in processes().items() if of == group and state != "Z"]


def processes():
    """Each process with its state, parent and group."""
    found = {}
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            state, parent, group = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue  # it has ended meanwhile
        found[int(entry.name)] = (state, int(parent), int(group))
    return found


# Using it


def put(args, stack):
    client("s3", stack["endpoint"]).upload_file(args.file, args.bucket or stack["bucket"], args.key)
    return {"uri": f"s3://{args.bucket or stack['bucket']}/{args.key}"}


def start(args, stack):
    request = {"stateMachineArn": args.state_machine, "input": args.input}
    if args.name:
        request["name"] = args.name
    return {"execution": client("stepfunctions", stack["endpoint"]).start_execution(**request)["executionArn"]}


def wait(args, stack):
    stepfunctions = client("stepfunctions", stack["endpoint"])

    def ended():
        execution = stepfunctions.describe_execution(executionArn=args.execution)
        return execution if execution["status"] in ENDED else None

    execution = until(f"{args.execution} has ended", args.timeout, ended)
    output = execution.get("output") if execution["status"] == "SUCCEEDED" else None
    return {
        "execution": args.execution,
        "status": execution["status"],
        "output": json.loads(output) if output else None,
        "error": execution.get("error"),
        "cause": execution.get("cause"),
    }


def stop(args, stack):
    client("stepfunctions", stack["endpoint"]).stop_execution(executionArn=args.execution)
    return {"stopped": args.execution}


def put_event(args, stack):
    """Does with an event what the rules would that match it, for events that the emulator never sends by itself.

    Nobody may send events as AWS: so the rules' patterns are asked whether they match, and their targets get the event
    through copies of these rules that listen to another source.
    """
    events = client("events", stack["endpoint"])
    event = {"source": args.source, "detail-type": args.type, "detail": json.loads(args.detail)}
    event |= {"id": "1", "account": "000000000000", "time": "2026-01-01T00:00:00Z", "region": REGION, "resources": []}
    matching = []
    for rule in events.list_rules()["Rules"]:
        if "EventPattern" not in rule:
            continue
        if events.test_event_pattern(EventPattern=rule["EventPattern"], Event=json.dumps(event))["Result"]:
            matching.append(rule["Name"])
            name = "copy-of-" + rule["Name"]
            events.put_rule(Name=name, EventPattern=json.dumps({"source": ["test"]}), State="ENABLED")
            events.put_targets(Rule=name, Targets=events.list_targets_by_rule(Rule=rule["Name"])["Targets"])
    entry = {"Source": "test", "DetailType": args.type, "Detail": args.detail}
    answer = events.put_events(Entries=[entry])
    if not matching or answer["FailedEntryCount"]:
        raise SystemExit(f"rules that match: {matching}; {answer['Entries']}")
    return {"rules": matching}


def execute(args, stack):
    args.execution = start(args, stack)["execution"]
    return wait(args, stack)


def executions(args, stack):
    """All executions of a state machine, oldest first, with their input: what the EventBridge rule started, too."""
    stepfunctions = client("stepfunctions", stack["endpoint"])
    pages = stepfunctions.get_paginator("list_executions").paginate(stateMachineArn=args.state_machine)
    found = sorted((e for page in pages for e in page["executions"]), key=lambda execution: execution["startDate"])
    describe = (stepfunctions.describe_execution(executionArn=execution["executionArn"]) for execution in found)
    return [{"execution": e["executionArn"], "status": e["status"], "input": json.loads(e["input"])} for e in describe]


def invoke(args, stack):
    """Invokes a function by hand and waits for its answer."""
    answer = client("lambda", stack["endpoint"]).invoke(FunctionName=args.function, Payload=args.payload.encode())
    return {"error": answer.get("FunctionError"), "payload": json.loads(answer["Payload"].read())}


def history(args, stack):
    """How many events the execution's own history holds; lanes have histories of their own."""
    stepfunctions = client("stepfunctions", stack["endpoint"])
    pages = stepfunctions.get_paginator("get_execution_history").paginate(executionArn=args.execution)
    types = [event["type"] for page in pages for event in page["events"]]
    return {"events": len(types), "types": types}


def runner_pids(_, stack):
    """The runner's processes, idle ones included: the emulator's children with the runner's name."""
    name = f"AWS_LAMBDA_FUNCTION_NAME={stack['runner_function']}".encode()
    children = [pid for pid, (state, parent, _) in processes().items() if parent == stack["pid"] and state != "Z"]
    return {"pids": sorted(pid for pid in children if name in environment_of(pid))}


def environment_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def stack_in(folder):
    return json.loads((pathlib.Path(folder) / "stack.json").read_text())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)

    def command(run, name, needs_stack=True):
        added = commands.add_parser(name, help=run.__doc__)
        added.add_argument("--dir", required=run is not down, help="the folder given to `up`")
        added.set_defaults(run=run, needs_stack=needs_stack)
        return added

    added = command(up, "up", needs_stack=False)
    added.add_argument("--functions", required=True, help="folder with the executables planner, runner, summarizer")
    added.add_argument("--env", action="append", default=[], metavar="KEY=VALUE", help="for the functions, through the emulator")
    added.add_argument("--parameter", action="append", default=[], metavar="KEY=VALUE", help="of the template")
    added.add_argument("--port", type=int, help="the emulator's; default: a free one")
    added.add_argument("--while-stdin", action="store_true", help="end all processes when standard input ends")
    added = command(down, "down", needs_stack=False)
    added.add_argument("--pid", type=int)
    added = command(put, "put")
    added.add_argument("--bucket", help="default: the stack's")
    added.add_argument("--key", required=True)
    added.add_argument("file")
    for run in (start, execute):
        added = command(run, run.__name__)
        added.add_argument("--state-machine", required=True, metavar="ARN")
        added.add_argument("--input", default="{}", metavar="JSON")
        added.add_argument("--name")
        if run is execute:
            added.add_argument("--timeout", type=float, default=300)
    added = command(wait, "wait")
    added.add_argument("--execution", required=True, metavar="ARN")
    added.add_argument("--timeout", type=float, default=300)
    added = command(invoke, "invoke")
    added.add_argument("--function", required=True, metavar="NAME")
    added.add_argument("--payload", default="{}", metavar="JSON")
    command(stop, "stop").add_argument("--execution", required=True, metavar="ARN")
    added = command(put_event, "put-event")
    added.add_argument("--source", required=True)
    added.add_argument("--type", required=True)
    added.add_argument("--detail", required=True, metavar="JSON")
    command(history, "history").add_argument("--execution", required=True, metavar="ARN")
    command(executions, "executions").add_argument("--state-machine", required=True, metavar="ARN")
    command(runner_pids, "runner-pids")

    args = parser.parse_args()
    forget_aws()
    try:
        answer = args.run(args, stack_in(args.dir)) if args.needs_stack else args.run(args)
    except TimeoutError as error:
        raise SystemExit(str(error)) from error
    json.dump(answer, sys.stdout)
    print()


if __name__ == "__main__":
    main()
