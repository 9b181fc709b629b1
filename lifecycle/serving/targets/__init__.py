"""Where versions serve: one contract that a rollout drives, and its adapters: this machine, Kubernetes, KServe."""
