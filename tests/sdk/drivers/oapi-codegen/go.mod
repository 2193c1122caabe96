module example.org/grail/client

go 1.26
