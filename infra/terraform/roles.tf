# What everything here may do: the statements of ../template.yaml.

locals {
  # Who takes each role.
  services = {
    planner    = "lambda.amazonaws.com"
    runner     = "lambda.amazonaws.com"
    summarizer = "lambda.amazonaws.com"
    run        = "states.amazonaws.com"
    finish     = "states.amazonaws.com"
    run-ended  = "events.amazonaws.com"
    schedule   = "scheduler.amazonaws.com"
  }
  # Those that say for which account they take it; for no other account's sake.
  saying_account = ["states.amazonaws.com", "scheduler.amazonaws.com"]

  made      = { for name, service in local.services : name => service if !contains(keys(var.role_arns), name) }
  role_arns = merge({ for name, role in aws_iam_role.this : name => role.arn }, var.role_arns)

  any_model = [
    # The configuration names the models, and spend_limit bounds them; model_arns narrows this.
    "arn:${local.partition}:bedrock:*::foundation-model/*",
    "arn:${local.partition}:bedrock:*:${local.account}:inference-profile/*",
    "arn:${local.partition}:bedrock:*:${local.account}:application-inference-profile/*",
    "arn:${local.partition}:bedrock:*:${local.account}:provisioned-model/*",
  ]
  bucket = aws_s3_bucket.this.arn
  runs   = "${local.bucket}/runs/*" # the folders of runs to come
  table  = aws_dynamodb_table.this.arn

  # Statements that depend on a variable are filtered, because both sides of a condition must have one type.
  key = [for arn in compact([var.kms_key_arn]) : { actions = ["kms:Decrypt", "kms:GenerateDataKey"], resources = [arn] }]
  attach_to_vpc = [for statement in [{
    actions = [
      "ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets",
      "ec2:DeleteNetworkInterface", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses",
    ]
    resources = ["*"] # Lambda tries these on any resource before it accepts a role for a VPC
  }] : statement if var.vpc != null]
  # ListBucket, because without it S3 answers for a missing object with 403 instead of 404.
  # X-Ray has no resources that a policy could name.
  function_base = concat(local.key, local.attach_to_vpc, [
    { actions = ["s3:ListBucket"], resources = [local.bucket] },
    { actions = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], resources = ["*"] },
  ])
  machine_base = concat(local.key, [{
    actions = [
      "logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery",
      "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups",
      "xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets",
    ]
    resources = ["*"] # neither deliveries of logs nor X-Ray have resources that a policy could name
  }])
  logs = { for name in local.functions : name => {
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.function[name].arn}:*"] # the streams of the group
  } }

  statements = {
    planner = concat(local.function_base, [
      local.logs["planner"],
      { actions = ["s3:GetObject"], resources = ["${local.bucket}/*"] }, # configurations name their datasets, anywhere in it
      { actions = ["s3:PutObject"], resources = [local.runs] },
      {
        actions = [
          "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem",
        ]
        resources = [local.table]
      },
      ], [for statement in [
        { actions = ["s3:ListBucket"], resources = var.dataset_bucket_arns },
        { actions = ["s3:GetObject"], resources = [for arn in var.dataset_bucket_arns : "${arn}/*"] }, # whatever is in each
    ] : statement if length(statement.resources) > 0])
    runner = concat(local.function_base, [
      local.logs["runner"],
      { actions = ["s3:GetObject"], resources = [local.runs] },
      { actions = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"], resources = [local.table] },
      {
        actions   = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
        resources = length(var.model_arns) == 0 ? local.any_model : var.model_arns
      },
      ], [for statement in [
        { actions = ["sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointWithResponseStream"], resources = var.sagemaker_endpoint_arns },
        { actions = ["secretsmanager:GetSecretValue"], resources = var.secret_arns },
    ] : statement if length(statement.resources) > 0])
    summarizer = concat(local.function_base, [
      local.logs["summarizer"],
      { actions = ["s3:GetObject", "s3:PutObject"], resources = [local.runs] },
      { actions = ["s3:PutObject"], resources = ["${local.bucket}/latest.json"] },
      { actions = ["s3:DeleteObject"], resources = ["${local.bucket}/runs/*/prompts/*"] }, # of any run, any dataset
      {
        actions = [
          "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem",
        ]
        resources = [local.table]
      },
    ])
    run = concat(local.machine_base, [
      # Any version: a run that began before a deployment still calls the older ones.
      { actions = ["lambda:InvokeFunction"], resources = [for name in local.functions : "${local.function_arns[name]}:*"] },
      { actions = ["s3:GetObject"], resources = ["${local.bucket}/runs/*/lanes/*"] }, # of any run, any round
      { actions = ["states:StartExecution"], resources = [local.run_arn, local.finish_arn] },
      {
        actions   = ["states:DescribeExecution", "states:StopExecution", "states:RedriveExecution"]
        resources = ["${local.executions}-run:*", "${local.executions}-run/lanes:*"] # named when they start
      },
      { actions = ["states:DescribeExecution", "states:StopExecution"], resources = ["${local.executions}-finish:*"] },
      {
        # How Step Functions follows a nested execution; the rule is its own.
        actions = ["events:PutTargets", "events:PutRule", "events:DescribeRule"]
        resources = [
          "arn:${local.partition}:events:${local.region}:${local.account}:rule/StepFunctionsGetEventsForStepFunctionsExecutionRule",
        ]
      },
    ])
    finish = concat(local.machine_base, [
      { actions = ["lambda:InvokeFunction"], resources = ["${local.function_arns["summarizer"]}:*"] }, # as for run
      { actions = ["sns:Publish"], resources = [aws_sns_topic.this.arn] },
    ])
    run-ended = [{ actions = ["states:StartExecution"], resources = [local.finish_arn] }]
    schedule = concat(local.key, [
      { actions = ["states:StartExecution"], resources = [local.run_arn] },
      { actions = ["sqs:SendMessage"], resources = [aws_sqs_queue.not_started.arn] },
    ])
  }
}

resource "aws_iam_role" "this" {
  for_each             = local.made
  name                 = "${var.name}-${each.key}"
  path                 = var.role_path
  permissions_boundary = var.permissions_boundary
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [merge(
      { Effect = "Allow", Principal = { Service = each.value }, Action = "sts:AssumeRole" },
      { for key, test in { Condition = { StringEquals = { "aws:SourceAccount" = local.account } } } :
      key => test if contains(local.saying_account, each.value) },
    )]
  })
}

resource "aws_iam_role_policy" "this" {
  for_each = local.made
  name     = each.key
  role     = aws_iam_role.this[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [for statement in local.statements[each.key] :
    { Effect = "Allow", Action = statement.actions, Resource = statement.resources }]
  })
}
