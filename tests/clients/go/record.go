package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// record is one record in no library's form; a nil key, value or header value is null.
type record struct {
	timestamp time.Time
	key       []byte
	value     []byte
	headers   []header
}

type header struct {
	name  string
	value []byte
}

func parseBytes(text string) []byte {
	switch text {
	case "null":
		return nil
	case ".":
		return []byte{}
	}
	data, err := hex.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return data
}

func formatBytes(data []byte) string {
	switch {
	case data == nil:
		return "null"
	case len(data) == 0:
		return "."
	case len(data) > 256:
		return fmt.Sprintf("%d:%x", len(data), sha256.Sum256(data))
	}
	return hex.EncodeToString(data)
}

func readRecords(path string) ([]record, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var records []record
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 16<<20)
	for scanner.Scan() {
		words := strings.Fields(scanner.Text())
		ms, err := strconv.ParseInt(words[0], 10, 64)
		if err != nil {
			return nil, err
		}
		r := record{timestamp: time.UnixMilli(ms), key: parseBytes(words[1]), value: parseBytes(words[2])}
		if words[3] != "none" {
			for pair := range strings.SplitSeq(words[3], ",") {
				name, value, _ := strings.Cut(pair, "=")
				r.headers = append(r.headers, header{string(parseBytes(name)), parseBytes(value)})
			}
		}
		records = append(records, r)
	}
	return records, scanner.Err()
}

func sayRecord(partition int32, offset int64, r record) {
	var headers []string
	for _, h := range r.headers {
		headers = append(headers, formatBytes([]byte(h.name))+"="+formatBytes(h.value))
	}
	if headers == nil {
		headers = []string{"none"}
	}
	say(partition, offset, r.timestamp.UnixMilli(), formatBytes(r.key), formatBytes(r.value), strings.Join(headers, ","))
}
