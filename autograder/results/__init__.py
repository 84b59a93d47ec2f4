"""What grading gives, and where it is put down: results.json, grades.csv, the gradebook."""
