# The two commands. Without make: scripts/demo, scripts/test.
.PHONY: demo test

demo:
	@scripts/demo $(ARGS)

test:
	@scripts/test $(ARGS)
