"""The audit log's arithmetic: what an event is, how events chain, and what proves that none was changed, dropped or added."""
