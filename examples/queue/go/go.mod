module example/queue

go 1.21
