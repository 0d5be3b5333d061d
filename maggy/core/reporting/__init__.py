"""Parts of the reporter: its wait for a decision, and how it cuts lines."""
