"""The wiring of this project, one module per place that runs run at: `local`, `cluster`."""
