module origins/go

go 1.27
