"""People around a report: who sent it, who has the same trouble, who follows it. How they join, are told, and go."""
