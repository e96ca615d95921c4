// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "answer.h"
#include "command.h"
#include "request_options.h"

namespace gptj::tool {
namespace {

struct ReplOptions {
  ModelOptions model;
  RequestOptions request;
  TemplateOptions format;
  std::string session;
};

constexpr const char* kHelp =
    "Each line is appended to the text, which the model then goes on with. An empty line only goes "
    "on;\na backslash at its end joins a line with the next.\n"
    "  /reset  begin anew\n"
    "  /save   write the session's file now\n"
    "  /quit   end; Ctrl-D does too, and Ctrl-C ends an answer\n"
    "A line that should begin with / is typed with two.";

// The lines of standard input, without a byte order mark and without the CR of Windows. Ctrl-C ends
// the wait for a line.
class LineReader {
 public:
  // Reads the next line. Returns false at the end, or once interrupted.
  bool next(std::string& line) {
    for (;;) {
      const size_t end = buffer_.find('\n');
      if (end != std::string::npos || (ended_ && !buffer_.empty())) {
        const size_t size = end == std::string::npos ? buffer_.size() : end + 1;
        line = plain_line(buffer_.substr(0, size));
        buffer_.erase(0, size);
        return true;
      }
      if (ended_) return false;
      const Input input = read_more(buffer_);
      if (input == Input::kCancelled) return false;
      ended_ = input == Input::kEnd;
    }
  }

 private:
  static std::string plain_line(std::string line) {
    line = plain_text(std::move(line), "standard input");
    if (line.ends_with('\n')) line.pop_back();
    return line;
  }

  std::string buffer_;
  bool ended_ = false;
};

// The text of a conversation so far, which grows with each turn. Only new tokens are computed. The
// text goes on with the first of several choices.
class Dialogue {
 public:
  Dialogue(const Model& model, const ReplOptions& options)
      : model_(model),
        options_(options),
        request_(options.request.build()),
        format_(options.format.read()),
        conversation_(model) {
    if (format_) add_stops(*format_, request_);
    check_session(request_, options.session);
    std::error_code unknown;
    if (options.session.empty() || !std::filesystem::exists(options.session, unknown)) return;
    conversation_ = Conversation::load(model, options.session);
    ids_.assign(conversation_.ids().begin(), conversation_.ids().end());
  }

  // Appends a line and the answer to it, which is printed as it comes.
  void turn(const std::string& line) {
    Request request = request_;
    std::vector<TokenId> ids = ids_;
    const std::vector<TokenId> more = ids_of(line);
    ids.insert(ids.end(), more.begin(), more.end());
    if (ids.empty() && model_.config().bos_token_id) ids = {*model_.config().bos_token_id};
    request.prompt = ids;
    const Completion completion =
        answer(model_, request, options_.model.json,
               [&](const Request& r) { return conversation_.complete(r, interrupted()); });
    if (!options_.model.json && !is_terminal(STDOUT_FILENO)) print("\n");
    const Choice& choice = completion.choices[0];
    // A turn that was cancelled before its first token leaves the conversation as it was.
    if (choice.finish_reason == FinishReason::kCancelled &&
        completion.usage.completion_tokens == 0) {
      return;
    }
    const std::vector<TokenId> shown = shown_ids(choice);
    ids_ = request.echo ? std::vector<TokenId>() : std::move(ids);
    ids_.insert(ids_.end(), shown.begin(), shown.end());
    unsaved_ = true;
    // Forget tokens that slid out of the context, because a session that is loaded again does not
    // have them either.
    if (request_.overflow == Overflow::kSlide && !request_.prefix_lm) settle();
  }

  void reset() {
    conversation_ = Conversation(model_);
    ids_.clear();
    unsaved_ = false;
  }

  // Saves the whole text, including its last token, in the session's file.
  void save() {
    if (options_.session.empty()) {
      note(false, "gptj: there is no file to save in; start with --session FILE");
      return;
    }
    if (!unsaved_) return;
    settle();
    conversation_.save(options_.session);
    unsaved_ = false;
  }

 private:
  std::vector<TokenId> ids_of(const std::string& line) const {
    if (line.empty()) return {};
    const Tokenizer* tokenizer = model_.tokenizer();
    if (tokenizer == nullptr) return parse_ids("repl", line);
    const EncodeOptions options{.continues = !ids_.empty()};
    if (!format_) return tokenizer->encode(line, options);
    return tokenizer->encode(ids_.empty() ? format_->first_turn(line) : format_->next_turn(line),
                             options);
  }

  // Returns the answer's tokens without the end token and without the text that a stop string cut
  // off, so that the conversation goes on from the text that was shown.
  std::vector<TokenId> shown_ids(const Choice& choice) const {
    std::vector<TokenId> ids = choice.token_ids;
    if (choice.finish_reason != FinishReason::kStop) return ids;
    const std::vector<int64_t>& ends = model_.config().eos_token_ids;
    if (std::find(ends.begin(), ends.end(), ids.back()) != ends.end()) {
      ids.pop_back();
      return ids;
    }
    const Tokenizer& tokenizer = *model_.tokenizer();  // stop strings need one
    const std::string& text = *choice.text;
    std::string bytes;
    for (size_t i = 0; i < ids.size(); ++i) {
      const std::string_view token = bytes_of(tokenizer, ids[i]);
      if (bytes.size() + token.size() > text.size()) {
        if (!text.starts_with(bytes)) break;
        const std::vector<TokenId> rest =
            tokenizer.encode(text.substr(bytes.size()), {.continues = true});
        ids.resize(i);
        ids.insert(ids.end(), rest.begin(), rest.end());
        return ids;
      }
      bytes += token;
    }
    return bytes == text
               ? ids
               : tokenizer.encode(text, {.continues = true});  // some bytes were not UTF-8
  }

  static std::string_view bytes_of(const Tokenizer& tokenizer, TokenId id) {
    return tokenizer.has(id) ? tokenizer.token_bytes(id) : std::string_view();
  }

  // Computes the last token too, and makes the tokens that the Conversation then holds the text.
  void settle() {
    Request request;
    request.prompt = ids_;
    request.max_tokens = 0;
    request.overflow = request_.overflow;
    conversation_.complete(request);
    ids_.assign(conversation_.ids().begin(), conversation_.ids().end());
  }

  const Model& model_;
  const ReplOptions& options_;
  Request request_;
  const std::optional<PromptTemplate> format_;
  Conversation conversation_;
  std::vector<TokenId> ids_;
  bool unsaved_ = false;
};

// Reads a line, and the lines that backslashes at the end join to it. Returns false as
// LineReader::next() does.
bool read_turn(LineReader& lines, bool terminal, std::string& turn) {
  turn.clear();
  for (std::string line;;) {
    if (terminal) std::fputs(turn.empty() ? "> " : ". ", stderr);
    if (!lines.next(line)) return false;
    if (!line.ends_with('\\')) {
      turn += line;
      return true;
    }
    turn += line.substr(0, line.size() - 1) + "\n";
  }
}

int run_repl(const ReplOptions& options) {
  mention_backslash(options.request, options.model.quiet);
  const Model model = load_model(options.model);
  Dialogue dialogue(model, options);
  const bool terminal = is_terminal(STDIN_FILENO) && is_terminal(STDERR_FILENO);
  if (terminal) {
    note(options.model.quiet, "gptj: " + model.name() + ", a context of " +
                                  std::to_string(model.config().n_positions) +
                                  " tokens; /help says what can be typed");
  }
  LineReader lines;
  bool failed = false;
  for (std::string turn; read_turn(lines, terminal, turn);) {
    if (turn == "/quit") break;
    if (turn == "/help") {
      note(false, kHelp);
    } else if (turn == "/reset") {
      dialogue.reset();
    } else if (turn == "/save") {
      dialogue.save();
    } else if (turn.starts_with('/') && !turn.starts_with("//")) {
      note(false, "gptj: there is no " + turn + "; /help says what there is");
    } else {
      try {
        dialogue.turn(turn.starts_with("//") ? turn.substr(1) : turn);
      } catch (const Error& error) {
        if (error.code() != ErrorCode::kContextLength) throw;
        note(false, std::string("gptj: ") + error.what() + "; /reset begins anew");
        failed = true;
      }
      // Ctrl-C ends an answer, not the conversation.
      if (terminal && exit_code() == kInterrupted) clear_interrupt();
    }
    if (interrupted().cancelled() || output_closed()) break;
  }
  if (!options.session.empty()) dialogue.save();
  mention_kv_cache_overflows(model, options.model);
  if (exit_code() != kDone) return exit_code();
  return failed && !terminal ? kFailed : kDone;
}

}  // namespace

void add_repl(CLI::App& app, Run& run) {
  CLI::App& command = *app.add_subcommand("repl", "Write a text in turns with the model");
  const auto options = std::make_shared<ReplOptions>();
  add_request_options(command, options->request);
  add_template_options(command, options->format);
  command
      .add_option("--session", options->session,
                  "A file in which the conversation is kept at the end, and gone on with")
      ->type_name("FILE");
  add_model_options(command, options->model);
  command.footer(std::string(kHelp) +
                 "\nExamples:\n"
                 "  gptj repl --max-tokens 60\n"
                 "  gptj repl --template alpaca --model gpt-j-alpaca.safetensors\n"
                 "  gptj repl --session tale.session --overflow slide --temperature 0.8\n"
                 "  printf 'Once upon a time\\n and then\\n' | gptj repl --max-tokens 20");
  command.callback([&run, options] { run = [options] { return run_repl(*options); }; });
}

}  // namespace gptj::tool
