"""The pages. Not called ``pages``: Streamlit takes a folder of that name for its older scheme."""
