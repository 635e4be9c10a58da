package store_test

const runsStatVFS = true
