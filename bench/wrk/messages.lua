-- POST /messaging/v1/messages. Arguments: token, messages per request, customers, stride, stamp.
-- Every request is new to the server: the ids hold the stamp of the run, the thread and a counter. All have the same
-- length, so the head of the request is made once and each request costs one string.format.
dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "report.lua")

local format, now = string.format, os.time
local template, customers, stride, count
local n = 0

local MESSAGE = '{"id":"%s","created_at":%s,"customer_id":"%s","sender":{"type":"human","id":"%s","name":"Anna Example"},'
  .. '"body":{"message":"Good morning, where is my parcel? I ordered it two weeks ago."}}'

function init(args)
  local token, stamp = args[1], args[5]
  count, customers, stride = tonumber(args[2]), tonumber(args[3]), tonumber(args[4])
  local id = format("%s-%02d-%%09d", stamp, thread_number)
  local body, length
  if count == 1 then
    body = '{"messages":[' .. format(MESSAGE, id, "%010d", "customer-%07d", "customer-%07d") .. "]}"
    length = #format(body, 0, 0, 0, 0)
  else
    local messages = {}
    for i = 1, count do
      messages[i] = format(MESSAGE, format("%s-%03d", stamp, i), "@TIME", "@CUSTOMER", "@CUSTOMER")
    end
    body = '{"messages":[' .. table.concat(messages, ",") .. "]}"
    length = #body:gsub("@TIME", "1700000000"):gsub("@CUSTOMER", "customer-0000000")
  end
  template = format("POST /messaging/v1/messages HTTP/1.1\r\nHost: %s:%s\r\nAuthorization: Bearer %s\r\n"
    .. "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n", wrk.host, wrk.port, token, length) .. body
end

local function one()
  n = n + 1
  local customer = (n * 7919 % customers) * stride
  return format(template, n, now(), customer, customer)
end

-- A bot's conversation: one customer, ids counted from 1, the time makes it new.
local function many()
  n = n + 1
  local customer = format("customer-%07d", (n * 7919 % customers) * stride)
  return (template:gsub("@(%u+)", { TIME = format("%010d", 1000000000 + thread_number * 100000000 + n), CUSTOMER = customer }))
end

function request()
  if count == 1 then return one() end
  return many()
end
