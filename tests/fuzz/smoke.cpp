// Runs a fuzz target without libFuzzer: smoke CORPUS [DICTIONARY RUNS].
//
// CORPUS is a folder or one file. Each file is an input; then RUNS mutations of them follow, always
// the same ones. An input that the program dies of is left in `<program>.input` of the working
// folder, for `smoke FILE`.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Of the sanitizers; not there without them.
extern "C" [[gnu::weak]] void __sanitizer_set_death_callback(void (*callback)());
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;

constexpr std::size_t input_bytes_max = 4'096;
constexpr std::size_t mutations_max = 6;
constexpr std::uint64_t seed = 20'260'105;

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> read_corpus(const fs::path& path) {
  if (!fs::is_directory(path)) return {read_file(path)};
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(path)) files.push_back(entry.path());
  // The order of a folder differs between machines.
  std::sort(files.begin(), files.end());
  std::vector<std::string> inputs;
  for (const auto& file : files) inputs.push_back(read_file(file));
  if (inputs.empty()) throw std::runtime_error("no files in " + path.string());
  return inputs;
}

// The text between the quotes of libFuzzer's format: \\, \" and \xAB stand for bytes.
std::string unescape(std::string_view quoted) {
  std::string word;
  for (std::size_t i = 0; i < quoted.size(); ++i) {
    if (quoted[i] != '\\') {
      word += quoted[i];
    } else if (quoted.substr(i, 2) == "\\x") {
      word += static_cast<char>(std::stoi(std::string{quoted.substr(i + 2, 2)}, nullptr, 16));
      i += 3;
    } else {
      word += quoted.substr(++i, 1);
    }
  }
  return word;
}

std::vector<std::string> read_dictionary(const fs::path& path) {
  std::vector<std::string> words;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    const std::size_t first = line.find('"');
    const std::size_t last = line.rfind('"');
    if (line.starts_with('#') || first == last) continue;
    words.push_back(unescape(std::string_view{line}.substr(first + 1, last - first - 1)));
  }
  if (words.empty()) throw std::runtime_error("no words in " + path.string());
  return words;
}

class Mutator {
 public:
  Mutator(std::vector<std::string> corpus, std::vector<std::string> words)
      : corpus_(std::move(corpus)), words_(std::move(words)) {}

  std::string next() {
    std::string input = one_of(corpus_);
    for (std::size_t left = 1 + below(mutations_max); left > 0; --left) mutate(input);
    input.resize(std::min(input.size(), input_bytes_max));
    return input;
  }

 private:
  // The standard's distributions differ between libraries; a slight bias does no harm here.
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_() % bound); }
  const std::string& one_of(const std::vector<std::string>& from) {
    return from[below(from.size())];
  }
  char byte() { return static_cast<char>(below(256)); }

  void mutate(std::string& input) {
    const std::size_t at = below(input.size() + 1);
    const std::size_t length = std::min(input.size() - at, 1 + below(32));
    switch (below(7)) {
      case 0:
        input.insert(at, one_of(words_));
        return;
      case 1:
        input.replace(at, length, one_of(words_));
        return;
      case 2:
        input.erase(at, length);
        return;
      case 3:
        input.insert(at, std::string{input, at, length});
        return;
      case 4:
        input.insert(at, 1 + below(4), byte());
        return;
      case 5:
        if (at < input.size()) input[at] = static_cast<char>(input[at] ^ (1 << below(8)));
        return;
      default: {
        const std::string& other = one_of(corpus_);
        input.replace(at, length, other, below(other.size() + 1), 1 + below(64));
      }
    }
  }

  std::vector<std::string> corpus_;
  std::vector<std::string> words_;
  std::mt19937_64 random_{seed};
};

// The input under way, and where it is written when the program dies of it.
const std::string* under_way = nullptr;
std::string kept;

void keep_input() {
  if (under_way == nullptr) return;
  const int file = ::open(kept.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return;
  [[maybe_unused]] const auto written = ::write(file, under_way->data(), under_way->size());
  ::close(file);
}

void run(const std::string& input) {
  under_way = &input;
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  under_way = nullptr;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2 && count != 4) {
    std::fprintf(stderr, "usage: %s CORPUS [DICTIONARY RUNS]\n", arguments[0]);
    return 2;
  }
  try {
    kept = fs::path(arguments[0]).filename().concat(".input").string();
    std::signal(SIGABRT, [](int) { keep_input(); });
    if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(keep_input);
    auto corpus = read_corpus(arguments[1]);
    const std::size_t seeds = corpus.size();
    for (const auto& input : corpus) run(input);
    const std::size_t runs = count == 4 ? std::stoul(arguments[3]) : 0;
    if (runs > 0) {
      Mutator mutator{std::move(corpus), read_dictionary(arguments[2])};
      for (std::size_t left = runs; left > 0; --left) run(mutator.next());
    }
    std::printf("%zu inputs\n", seeds + runs);
    return 0;
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "%s\n", problem.what());
    return 2;
  }
}
