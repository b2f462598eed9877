"""Files of tables, read by written rules into columns with types; what is ambiguous is named."""
