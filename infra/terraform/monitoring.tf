# How runs end, and the alarms.

resource "aws_sns_topic" "this" {
  #checkov:skip=CKV_AWS_26:With kms_key_arn where it is given; alarms cannot publish to a topic that uses the service's own key.
  name              = var.name
  kms_master_key_id = var.kms_key_arn
}

resource "aws_sns_topic_policy" "this" {
  arn = aws_sns_topic.this.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "AlarmsPublish"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = "sns:Publish"
        Resource  = aws_sns_topic.this.arn
        Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
      },
      { # whoever it is
        Sid       = "TlsOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sns:Publish"
        Resource  = aws_sns_topic.this.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

resource "aws_sns_topic_subscription" "mail" {
  count     = var.notification_email == null ? 0 : 1
  topic_arn = aws_sns_topic.this.arn
  protocol  = "email"
  endpoint  = var.notification_email
}

locals {
  # Alarms of sums. What has no data is well: nothing ran.
  sums = {
    run-failed = {
      description = "A run failed, timed out or was aborted, or its report could not be written. See the state machines' executions."
      metrics = {
        failed        = ["AWS/States", "ExecutionsFailed", "Sum", "StateMachineArn", local.run_arn]
        timed_out     = ["AWS/States", "ExecutionsTimedOut", "Sum", "StateMachineArn", local.run_arn]
        aborted       = ["AWS/States", "ExecutionsAborted", "Sum", "StateMachineArn", local.run_arn]
        finish_failed = ["AWS/States", "ExecutionsFailed", "Sum", "StateMachineArn", local.finish_arn]
      }
    }
    not-started = {
      description = "A run or a finish could not be started. Messages in the queue say why; the alarm ends when they are deleted."
      metrics = {
        waiting = ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", "QueueName", aws_sqs_queue.not_started.name]
        errors  = ["AWS/Scheduler", "TargetErrorCount", "Sum", "ScheduleGroup", aws_scheduler_schedule_group.this.name]
        dropped = ["AWS/Scheduler", "InvocationDroppedCount", "Sum", "ScheduleGroup", aws_scheduler_schedule_group.this.name]
      }
    }
  }
  # Alarms of what the functions print.
  figures = {
    invalid = {
      description = "A run has experiments whose measurement is INVALID. Its report says which and why."
      metric      = "InvalidExperiments"
      from        = 1
    }
    spend = {
      description = "A run has used 90 percent of its spend limit. What no longer fits is not measured."
      metric      = "SpendShare"
      from        = 90
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "sum" {
  for_each            = local.sums
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  alarm_actions       = [aws_sns_topic.this.arn]
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"

  metric_query {
    id          = "sum"
    label       = each.value.description
    expression  = "SUM([${join(", ", [for id in keys(each.value.metrics) : "FILL(${id},0)"])}])"
    return_data = true
  }
  dynamic "metric_query" {
    for_each = each.value.metrics
    content {
      id          = metric_query.key
      return_data = false
      metric {
        namespace   = metric_query.value[0]
        metric_name = metric_query.value[1]
        stat        = metric_query.value[2]
        period      = 300
        dimensions  = { (metric_query.value[3]) = metric_query.value[4] }
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "figure" {
  for_each            = local.figures
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  alarm_actions       = [aws_sns_topic.this.arn]
  namespace           = "fmgauge"
  metric_name         = each.value.metric
  dimensions          = { Stack = var.name }
  statistic           = "Maximum"
  period              = 300
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = each.value.from
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
}

locals {
  states = ["ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"]
  # Endpoints are found by search, so that those of any run are shown.
  searches = {
    SpendUsd = { title = "Spent on tokens, USD", stat = "Sum" }
    TtftP95  = { title = "Highest p95 of a block: first text, ms", stat = "Maximum" }
    E2eP95   = { title = "Highest p95 of a block: whole answer, ms", stat = "Maximum" }
  }
  widgets = concat(
    [
      {
        title   = "Requests", stat = "Sum", period = 300, region = local.region
        metrics = [for metric in ["Completed", "Failed", "Throttled", "TimedOut"] : ["fmgauge", metric, "Stack", var.name]]
      },
      {
        title   = "Runs", stat = "Sum", period = 300, region = local.region
        metrics = [for metric in local.states : ["AWS/States", metric, "StateMachineArn", local.run_arn]]
      },
      {
        title   = "Spend limit used, %; INVALID experiments", stat = "Maximum", period = 300, region = local.region
        metrics = [for metric in ["SpendShare", "InvalidExperiments"] : ["fmgauge", metric, "Stack", var.name]]
      },
    ],
    [for metric, search in local.searches : {
      title  = search.title
      region = local.region
      metrics = [[{
        expression = "SEARCH('{fmgauge,Stack,Endpoint} MetricName=\"${metric}\" Stack=\"${var.name}\"', '${search.stat}', 300)"
      }]]
    }],
  )
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = "${var.name}-${local.region}" # dashboards belong to the account, not to a Region
  dashboard_body = jsonencode({ widgets = [for place, widget in local.widgets :
    { type = "metric", width = 12, height = 6, x = 12 * (place % 2), y = 6 * floor(place / 2), properties = widget }
  ] })
}
