"""Everything of field reports in a folder that another installation, or another vendor's programme, can read: docs/reference/export.md."""
