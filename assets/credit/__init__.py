"""Will this applicant pay back? Consumer credit, 4,454 real applications."""
