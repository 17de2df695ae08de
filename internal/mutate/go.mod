module github.com/coviu/coviu-go-sdk/internal/mutate

go 1.26.0
