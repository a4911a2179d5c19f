"""One file per AWS service; each offers `RESOURCES`. See `local.provider.services.s3` for how to write one."""
