//go:build !linux

package sqlite_test

import "errors"

func fillTheDisk(string) error { return errors.New("small disks can only be mounted on Linux") }
