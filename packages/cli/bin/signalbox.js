#!/usr/bin/env node
// Beside the build: what a compiler writes is not executable, and npm links it before it is there.
import '../dist/main.js'
