output "run_state_machine_arn" {
  description = "Start an execution of this one, with {\"config_uri\": \"s3://...\"} or {\"config\": {...}} as input."
  value       = aws_sfn_state_machine.run.arn
}

output "finish_state_machine_arn" {
  description = "Summarises a run again or ends one by hand."
  value       = aws_sfn_state_machine.finish.arn
}

output "bucket" {
  description = "Configurations go in here, reports come out under runs/."
  value       = aws_s3_bucket.this.id
}

output "table" {
  description = "Runs, blocks, records and metrics."
  value       = aws_dynamodb_table.this.name
}

output "notification_topic" {
  description = "Tells how runs end, and the alarms."
  value       = aws_sns_topic.this.arn
}
