module github.com/coviu/coviu-go-sdk/coviusql

go 1.26.0

require (
	github.com/coviu/coviu-go-sdk v0.1.0
	golang.org/x/oauth2 v0.37.0
)

require github.com/google/go-querystring v1.2.0 // indirect

replace github.com/coviu/coviu-go-sdk => ../
