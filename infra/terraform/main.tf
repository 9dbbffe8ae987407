# fmgauge with Terraform: what ../template.yaml deploys, from the same zips and state machines. Why things are as they
# are is said there.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.region

  # Roles name functions and state machines before these exist, so their ARNs are put together.
  functions     = ["planner", "runner", "summarizer"]
  function_arns = { for name in local.functions : name => "arn:${local.partition}:lambda:${local.region}:${local.account}:function:${var.name}-${name}" }
  run_arn       = "arn:${local.partition}:states:${local.region}:${local.account}:stateMachine:${var.name}-run"
  finish_arn    = "arn:${local.partition}:states:${local.region}:${local.account}:stateMachine:${var.name}-finish"
  executions    = "arn:${local.partition}:states:${local.region}:${local.account}:execution:${var.name}"
}

# What a run keeps. `terraform destroy` refuses to delete it: measurements were paid for. The README says how to part.
resource "aws_dynamodb_table" "this" {
  #checkov:skip=CKV_AWS_119:Encrypted with the service's key by default; with the customer's where kms_key_arn is given.
  name         = var.name
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "pk"
  range_key    = "sk"

  attribute {
    name = "pk"
    type = "S"
  }
  attribute {
    name = "sk"
    type = "S"
  }
  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }
  point_in_time_recovery {
    enabled = true
  }
  dynamic "server_side_encryption" {
    for_each = compact([var.kms_key_arn])
    content {
      enabled     = true
      kms_key_arn = server_side_encryption.value
    }
  }
  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_18:Access logs need a bucket of their own; accounts that want them log data events with CloudTrail.
  #checkov:skip=CKV_AWS_144:What must survive the loss of a Region is copied by whoever needs that.
  #checkov:skip=CKV_AWS_145:Encrypted with the service's key by default; with the customer's where kms_key_arn is given.
  #checkov:skip=CKV2_AWS_62:Nothing waits for objects.
  bucket_prefix = "${var.name}-"
  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id
  rule {
    bucket_key_enabled = var.kms_key_arn != null # one call of KMS for many objects
    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  #checkov:skip=CKV_AWS_300:The first rule aborts them in the whole bucket; checkov looks for it in each rule.
  bucket = aws_s3_bucket.this.id
  # The prompts of a complete run are deleted: their older versions go too.
  rule {
    id     = "DeletedMeansDeleted"
    status = "Enabled"
    filter {}
    noncurrent_version_expiration {
      noncurrent_days = 1
    }
    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
  dynamic "rule" {
    for_each = var.run_retention_days == null ? [] : [var.run_retention_days]
    content {
      id     = "RunsExpire"
      status = "Enabled"
      filter {
        prefix = "runs/"
      }
      expiration {
        days = rule.value
      }
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{ # whoever it is and whatever is done: refused without TLS
      Sid       = "TlsOnly"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [local.bucket, "${local.bucket}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

resource "aws_cloudwatch_log_group" "function" {
  #checkov:skip=CKV_AWS_158:With kms_key_arn where it is given, else by the service.
  #checkov:skip=CKV_AWS_338:log_retention_days says how long; the records are what is kept.
  for_each          = toset(local.functions)
  name              = "/aws/lambda/${var.name}-${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_115:runner_concurrency reserves for the runner; the others run once for a round at most.
  #checkov:skip=CKV_AWS_116:A dead-letter queue is for asynchronous calls; the state machines wait for the answer.
  #checkov:skip=CKV_AWS_117:vpc puts the functions into one; without a need for it that only adds latency.
  #checkov:skip=CKV_AWS_173:The environment holds names and no secrets.
  #checkov:skip=CKV_AWS_272:Signing needs a signing profile of the account's own.
  for_each         = toset(local.functions)
  function_name    = "${var.name}-${each.key}"
  role             = local.role_arns[each.key]
  filename         = "${var.zips}/${each.key}.zip"
  source_code_hash = filebase64sha256("${var.zips}/${each.key}.zip")
  runtime          = "provided.al2023"
  architectures    = ["x86_64"]
  handler          = "bootstrap"
  memory_size      = var.memory_mb[each.key]
  timeout          = each.key == "runner" ? var.runner_timeout : 900
  # State machines name versions: a run that has begun goes on with the functions that it began with.
  publish                        = true
  reserved_concurrent_executions = each.key == "runner" ? var.runner_concurrency : -1

  environment {
    variables = {
      FMGAUGE_TABLE            = aws_dynamodb_table.this.name
      FMGAUGE_BUCKET           = aws_s3_bucket.this.id
      FMGAUGE_STACK            = var.name
      FMGAUGE_RUNNER_MEMORY_MB = var.memory_mb.runner
      RUST_LOG                 = var.log_level
    }
  }
  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.function[each.key].name
  }
  tracing_config {
    mode = "Active"
  }
  dynamic "vpc_config" {
    for_each = var.vpc == null ? [] : [var.vpc]
    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }
  depends_on = [aws_iam_role_policy.this] # Lambda asks for a VPC's permissions when it makes the function
}

resource "aws_cloudwatch_log_group" "machines" {
  #checkov:skip=CKV_AWS_158:With kms_key_arn where it is given, else by the service.
  #checkov:skip=CKV_AWS_338:log_retention_days says how long; the records are what is kept.
  name              = "/aws/vendedlogs/states/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

resource "aws_sfn_state_machine" "run" {
  #checkov:skip=CKV_AWS_285:Execution data would put configurations into the logs; the history of an execution has it.
  name     = "${var.name}-run"
  role_arn = local.role_arns["run"]
  definition = templatefile("${var.definitions}/run.asl.json", {
    PlannerFunctionArn    = aws_lambda_function.this["planner"].qualified_arn
    RunnerFunctionArn     = aws_lambda_function.this["runner"].qualified_arn
    SummarizerFunctionArn = aws_lambda_function.this["summarizer"].qualified_arn
    FinishStateMachineArn = aws_sfn_state_machine.finish.arn
    # Of no use: this example does not provision SageMaker endpoints.
    ProvisionStateMachineArn = "arn:${local.partition}:states:${local.region}:${local.account}:stateMachine:${var.name}-provision"
  })
  logging_configuration {
    level                  = "ERROR"
    include_execution_data = false
    log_destination        = "${aws_cloudwatch_log_group.machines.arn}:*"
  }
  tracing_configuration {
    enabled = true
  }
  tags = { # how the command finds the rest, whatever deployed it
    "fmgauge:bucket" = aws_s3_bucket.this.id
    "fmgauge:table"  = aws_dynamodb_table.this.name
    "fmgauge:finish" = aws_sfn_state_machine.finish.arn
  }
  depends_on = [aws_iam_role_policy.this]
}

resource "aws_sfn_state_machine" "finish" {
  #checkov:skip=CKV_AWS_285:As for run.
  name     = "${var.name}-finish"
  role_arn = local.role_arns["finish"]
  definition = templatefile("${var.definitions}/finish.asl.json", {
    SummarizerFunctionArn = aws_lambda_function.this["summarizer"].qualified_arn
    NotificationTopicArn  = aws_sns_topic.this.arn
    # As for run.
    DeprovisionStateMachineArn = "arn:${local.partition}:states:${local.region}:${local.account}:stateMachine:${var.name}-deprovision"
  })
  logging_configuration {
    level                  = "ERROR"
    include_execution_data = false
    log_destination        = "${aws_cloudwatch_log_group.machines.arn}:*"
  }
  tracing_configuration {
    enabled = true
  }
  depends_on = [aws_iam_role_policy.this]
}

# A run that could not reach its own Finish state is finished from outside.
resource "aws_cloudwatch_event_rule" "run_ended" {
  name        = "${var.name}-run-ended"
  description = "Starts finish when an execution of run fails, times out or is aborted."
  event_pattern = jsonencode({
    source      = ["aws.states"]
    detail-type = ["Step Functions Execution Status Change"]
    detail      = { stateMachineArn = [aws_sfn_state_machine.run.arn], status = ["FAILED", "TIMED_OUT", "ABORTED"] }
  })
}

resource "aws_cloudwatch_event_target" "finish" {
  rule     = aws_cloudwatch_event_rule.run_ended.name
  arn      = aws_sfn_state_machine.finish.arn
  role_arn = local.role_arns["run-ended"]
  dead_letter_config {
    arn = aws_sqs_queue.not_started.arn
  }
  input_transformer {
    input_paths    = { execution = "$.detail.executionArn", status = "$.detail.status" }
    input_template = "{\"execution\": <execution>, \"cause\": <status>}"
  }
}

resource "aws_scheduler_schedule_group" "this" {
  name = var.name # its own, because Scheduler's metrics are told by group
}

resource "aws_scheduler_schedule" "this" {
  #checkov:skip=CKV_AWS_297:With kms_key_arn where it is given, else by the service.
  count                        = var.schedule == null ? 0 : 1
  name                         = "${var.name}-run"
  group_name                   = aws_scheduler_schedule_group.this.name
  schedule_expression          = var.schedule.expression
  schedule_expression_timezone = var.schedule.timezone
  state                        = var.schedule.state
  kms_key_arn                  = var.kms_key_arn
  flexible_time_window {
    mode = "OFF"
  }
  target {
    arn      = aws_sfn_state_machine.run.arn
    role_arn = local.role_arns["schedule"]
    # By hand, because jsonencode would write `<` and `>` as escapes, which Scheduler does not take for its placeholders.
    input = "{\"config_uri\": \"s3://${aws_s3_bucket.this.id}/${var.schedule.config_key}\", \"schedule\": {\"arn\": \"<aws.scheduler.schedule-arn>\", \"scheduled_time\": \"<aws.scheduler.scheduled-time>\"}}"
    retry_policy {
      maximum_retry_attempts       = 2
      maximum_event_age_in_seconds = 900
    }
    dead_letter_config {
      arn = aws_sqs_queue.not_started.arn
    }
  }
}

# A run that the schedule, or a finish that the rule, could not start; the message says why.
resource "aws_sqs_queue" "not_started" {
  name                      = "${var.name}-not-started"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = var.kms_key_arn == null ? true : null
  kms_master_key_id         = var.kms_key_arn
}

resource "aws_sqs_queue_policy" "not_started" {
  queue_url = aws_sqs_queue.not_started.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "RuleSends"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.not_started.arn
        Condition = { ArnEquals = { "aws:SourceArn" = aws_cloudwatch_event_rule.run_ended.arn } }
      },
      { # whoever it is and whatever is done, as for the bucket
        Sid       = "TlsOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = aws_sqs_queue.not_started.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}
