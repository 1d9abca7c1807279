"""What the pages are put together from: selections, data, sentences, figures with their tables, notices."""
