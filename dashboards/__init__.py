"""The Streamlit app that `gradlab dashboard` serves: a page per question, over what gradlab.figures draws."""
