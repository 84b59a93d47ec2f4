"""What people read after grading: results.json, grades.csv, report.html, feedback pages."""
