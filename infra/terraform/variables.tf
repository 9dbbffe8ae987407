# The parameters of ../template.yaml, with the same defaults and meanings.

variable "name" {
  description = "Name of this deployment: what the command takes as --stack."
  type        = string
  default     = "fmgauge"
}

variable "zips" {
  description = "Folder with planner.zip, runner.zip and summarizer.zip, each holding `bootstrap`."
  type        = string
  default     = ".."
}

variable "definitions" {
  description = "Folder with run.asl.json and finish.asl.json."
  type        = string
  default     = ".."
}

variable "schedule" {
  description = "When runs start by themselves; leave out for no schedule. `config_key` is a key in the bucket, read anew at every start."
  type = object({
    expression = string
    timezone   = optional(string, "UTC")
    config_key = optional(string, "configs/scheduled.yml")
    state      = optional(string, "ENABLED")
  })
  default = null
}

variable "notification_email" {
  description = "Gets the notifications and alarms, once the address is confirmed."
  type        = string
  default     = null
}

variable "model_arns" {
  description = "Bedrock models and inference profiles that runs may invoke; empty for any. `fmgauge policy` prints them for a configuration."
  type        = list(string)
  default     = []
}

variable "dataset_bucket_arns" {
  description = "Other buckets that datasets may be read from."
  type        = list(string)
  default     = []
}

variable "sagemaker_endpoint_arns" {
  type        = list(string)
  default     = []
  description = "ARNs of the SageMaker endpoints that runs may invoke, names in lower case."
}

variable "secret_arns" {
  description = "Secrets Manager secrets that hold endpoints' API keys."
  type        = list(string)
  default     = []
}

variable "memory_mb" {
  description = "Memory of the functions. 1769 is one whole vCPU; with less, the runner itself shows in the latencies."
  type = object({
    planner    = optional(number, 1024)
    runner     = optional(number, 1769)
    summarizer = optional(number, 1769)
  })
  default = {}
}

variable "runner_timeout" {
  description = "Seconds that one block may take. Plans count on 900; with less, longer blocks are cut."
  type        = number
  default     = 900
}

variable "runner_concurrency" {
  description = "Concurrency reserved for the runner; -1 for the account's shared pool."
  type        = number
  default     = -1
}

variable "log_level" {
  description = "RUST_LOG of the functions."
  type        = string
  default     = "info"
}

variable "log_retention_days" {
  description = "Days after which logs are deleted."
  type        = number
  default     = 30
}

variable "run_retention_days" {
  description = "Days after which a run's objects in the bucket are deleted, records and report included; null keeps them."
  type        = number
  default     = null
}

variable "kms_key_arn" {
  description = "KMS key for the table, the bucket, the topic, the queue and the logs. Its policy must let the services use it (deploy.md says how)."
  type        = string
  default     = null
}

variable "vpc" {
  description = "Where to run the functions; leave out for no VPC. A VPC adds a hop to what is measured."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null
}

variable "permissions_boundary" {
  description = "ARN of the policy that bounds every role made here."
  type        = string
  default     = null
}

variable "role_path" {
  description = "Path of the roles made here."
  type        = string
  default     = "/"
}

variable "role_arns" {
  description = "Existing roles, by what they are for: planner, runner, summarizer, run, finish, run-ended, schedule. What is not named is made."
  type        = map(string)
  default     = {}
}
