# Makes of each line of text a C string and a comma.
s/[\\"]/\\&/g
s/.*/"&",/
