-- wrk -s wrk.lua URL -- METHOD LIMIT [BODY]
--
-- Ends with one line of exact numbers, which compare reads. LIMIT 0 runs for the whole time; otherwise
-- the run ends after about LIMIT requests (wrk itself can only count seconds).
local ffi = require("ffi")
ffi.cdef("int getpid(void); int kill(int pid, int sig);")
local SIGINT = 2

function init(args)
  wrk.method = args[1]
  local left = tonumber(args[2])
  if args[3] then
    wrk.body = args[3]
    wrk.headers["Content-Type"] = "application/json"
  end
  if left > 0 then
    local text = wrk.format()
    request = function()
      left = left - 1
      if left == 0 then
        -- Stopping the thread alone leaves wrk asleep until its time is up.
        wrk.thread:stop()
        ffi.C.kill(ffi.C.getpid(), SIGINT)
      end
      return text
    end
  end
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format(
    "totals requests=%d bytes=%d micros=%d status=%d connect=%d read=%d write=%d timeout=%d p99=%d",
    summary.requests, summary.bytes, summary.duration,
    errors.status, errors.connect, errors.read, errors.write, errors.timeout,
    latency:percentile(99)))
end
