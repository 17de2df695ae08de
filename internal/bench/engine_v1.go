//go:build !goexperiment.jsonv2

package main

const newEngine = false
