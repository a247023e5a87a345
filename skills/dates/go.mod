module dates

go 1.24
