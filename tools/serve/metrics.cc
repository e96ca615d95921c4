// SPDX-License-Identifier: Apache-2.0
#include "metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <fstream>

namespace gptj::serve {
namespace {

// A first token may take two minutes on a CPU.
constexpr double kSeconds[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
                               2,     4,      8,     15,   30,    60,   120, 300,  600};
constexpr double kTokens[] = {1,   2,   4,   8,    16,   32,   64,   128,  192,  256,
                              384, 512, 768, 1024, 1280, 1536, 2048, 8192, 65536};

std::string number(double value) {
  char digits[32];
  return {digits, std::to_chars(digits, digits + sizeof digits, value).ptr};
}

void put_head(const std::string& name, const char* type, const std::string& help,
              std::string& text) {
  text += "# HELP " + name + " " + help + "\n# TYPE " + name + " " + type + "\n";
}

void put(const std::string& name, const char* type, const std::string& help, double value,
         std::string& text) {
  put_head(name, type, help, text);
  text += name + " " + number(value) + "\n";
}

uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  uint64_t all = 0, resident = 0;
  file >> all >> resident;
  return resident * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

int64_t open_descriptors() {
  DIR* folder = ::opendir("/proc/self/fd");
  if (folder == nullptr) return 0;
  int64_t n = -3;  // ".", ".." and the folder's own
  while (::readdir(folder) != nullptr) ++n;
  ::closedir(folder);
  return n;
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void put_process(std::string& text) {
  static const auto start = static_cast<double>(std::time(nullptr));
  put("process_resident_memory_bytes", "gauge", "Resident memory.",
      static_cast<double>(resident_bytes()), text);
  put("process_open_fds", "gauge", "Open file descriptors.",
      static_cast<double>(open_descriptors()), text);
  put("process_cpu_seconds_total", "counter", "User and system time.", cpu_seconds(), text);
  put("process_start_time_seconds", "gauge", "Start, in Unix time.", start, text);
}

void put_generator(const GeneratorStats& g, std::string& text) {
  const auto gauge = [&](const char* name, const char* help, double value) {
    put(name, "gauge", help, value, text);
  };
  const auto counter = [&](const char* name, const char* help, int64_t value) {
    put(name, "counter", help, static_cast<double>(value), text);
  };
  const int64_t used = g.pages_in_use - g.pages_kept;
  gauge("gptj_num_requests_running", "Prompts that are being computed.",
        static_cast<double>(g.running));
  gauge("gptj_num_requests_waiting", "Prompts that wait.", static_cast<double>(g.waiting));
  gauge("gptj_kv_cache_usage_ratio", "Part of the KV cache that running prompts hold.",
        g.pages > 0 ? static_cast<double>(used) / static_cast<double>(g.pages) : 0);
  gauge("gptj_kv_cache_bytes", "KV cache in use, kept prefixes included.",
        static_cast<double>(g.pages_in_use) * static_cast<double>(g.page_bytes));
  gauge("gptj_kv_cache_kept_bytes", "KV cache that only kept prefixes hold.",
        static_cast<double>(g.pages_kept) * static_cast<double>(g.page_bytes));
  gauge("gptj_kv_cache_limit_bytes", "KV cache that may be used.",
        static_cast<double>(g.pages) * static_cast<double>(g.page_bytes));
  counter("gptj_prompt_tokens_total", "Tokens of prompts that were answered.", g.prompt_tokens);
  counter("gptj_prefix_cache_tokens_total", "Of these, tokens taken from kept or shared prefixes.",
          g.cached_prompt_tokens);
  counter("gptj_generation_tokens_total", "New tokens.", g.completion_tokens);
  counter("gptj_rows_total", "Tokens that forward passes computed.", g.rows);
  counter("gptj_passes_total", "Forward passes.", g.passes);
}

}  // namespace

void Histogram::observe(double value) {
  const auto& bounds = unit_ == Unit::kSeconds ? kSeconds : kTokens;
  const auto bucket = static_cast<size_t>(
      std::lower_bound(std::begin(bounds), std::end(bounds), value) - std::begin(bounds));
  const std::lock_guard lock(mutex_);
  ++counts_[bucket];
  sum_ += value;
  ++count_;
}

void Histogram::write(const std::string& name, const std::string& help, std::string& text) const {
  const auto& bounds = unit_ == Unit::kSeconds ? kSeconds : kTokens;
  put_head(name, "histogram", help, text);
  const std::lock_guard lock(mutex_);
  uint64_t below = 0;
  for (size_t i = 0; i < std::size(bounds); ++i) {
    below += counts_[i];
    text += name + "_bucket{le=\"" + number(bounds[i]) + "\"} " + std::to_string(below) + "\n";
  }
  text += name + "_bucket{le=\"+Inf\"} " + std::to_string(count_) + "\n";
  text += name + "_sum " + number(sum_) + "\n" + name + "_count " + std::to_string(count_) + "\n";
}

void Metrics::count_end(const Completion& completion, bool failed, bool cancelled,
                        Reply::Stop stop) {
  std::string reason = "error";
  if (cancelled) {
    reason = stop == Reply::Stop::kGone ? "disconnected" : "cancelled";
  } else if (!failed) {
    reason = finish_reason_name(completion.choices.front().finish_reason);
  }
  {
    const std::lock_guard lock(mutex_);
    ++finished_[reason];
  }
  if (failed || cancelled) return;
  if (completion.first_token_seconds > 0) first_token.observe(completion.first_token_seconds);
  request.observe(completion.total_seconds);
  queue.observe(completion.queue_seconds);
  prefill.observe(completion.prompt_seconds);
  decode.observe(completion.decode_seconds);
  prompt_tokens.observe(static_cast<double>(completion.usage.prompt_tokens));
  generation_tokens.observe(static_cast<double>(completion.usage.completion_tokens));
}

void Metrics::count_response(const std::string& route, int status) {
  const std::lock_guard lock(mutex_);
  ++responses_[{route, status}];
}

void Metrics::count_refusal(const std::string& reason) {
  const std::lock_guard lock(mutex_);
  ++refusals_[reason];
}

std::string Metrics::text(const Now& now) const {
  std::string text;
  put_generator(now.generator, text);
  {
    const std::lock_guard lock(mutex_);
    put_head("gptj_requests_total", "counter", "Responses, by route and status.", text);
    for (const auto& [key, count] : responses_) {
      text += "gptj_requests_total{route=\"" + key.first + "\",status=\"" +
              std::to_string(key.second) + "\"} " + std::to_string(count) + "\n";
    }
    put_head("gptj_request_finished_total", "counter", "Prompts that ended, by reason.", text);
    for (const auto& [reason, count] : finished_) {
      text +=
          "gptj_request_finished_total{reason=\"" + reason + "\"} " + std::to_string(count) + "\n";
    }
    put_head("gptj_requests_rejected_total", "counter", "Requests that were refused, by reason.",
             text);
    for (const auto& [reason, count] : refusals_) {
      text +=
          "gptj_requests_rejected_total{reason=\"" + reason + "\"} " + std::to_string(count) + "\n";
    }
  }
  first_token.write("gptj_time_to_first_token_seconds", "From submission to the first token.",
                    text);
  inter_token.write("gptj_inter_token_seconds", "Between the tokens of a prompt's text.", text);
  request.write("gptj_request_seconds", "From submission to the end.", text);
  queue.write("gptj_queue_seconds", "From submission to the first step.", text);
  prefill.write("gptj_prefill_seconds", "Time on the prompt.", text);
  decode.write("gptj_decode_seconds", "Time on the new tokens.", text);
  prompt_tokens.write("gptj_request_prompt_tokens", "Tokens of a prompt.", text);
  generation_tokens.write("gptj_request_generation_tokens", "New tokens of a prompt.", text);
  put("gptj_connections", "gauge", "Open connections.", static_cast<double>(now.connections), text);
  put("gptj_http_requests_open", "gauge", "Requests that are being answered.",
      static_cast<double>(now.requests), text);
  put_head("gptj_build_info", "gauge", "Version, instruction set and weights.", text);
  text += std::string("gptj_build_info{version=\"") + version() + "\"";
  if (now.model != nullptr) {
    text += ",isa=\"" + now.model->isa() + "\",weights=\"" +
            weight_type_name(now.model->weight_type()) + "\"";
  }
  text += "} 1\n";
  put_process(text);
  return text;
}

}  // namespace gptj::serve
