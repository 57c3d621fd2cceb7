// Runs a fuzz target without libFuzzer: smoke CORPUS [DICTIONARY RUNS].
//
// CORPUS is a folder or one file. Each file is an input; then RUNS mutations of them follow, always
// the same ones. The input under way is kept in the file `<program>.input` of the working folder,
// which is there for replay (`smoke FILE`) when the program has died, and gone when all went well.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
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

// Runs inputs, and keeps the one under way in a file.
class Runner {
 public:
  explicit Runner(fs::path kept)
      : kept_(std::move(kept)), file_(::open(kept_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
    if (file_ < 0) throw std::runtime_error("cannot write " + kept_.string());
  }
  ~Runner() { ::close(file_); }
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  void run(const std::string& input) {
    // Emptying the file first would make some file systems write it to the disk each time.
    if (::pwrite(file_, input.data(), input.size(), 0) != static_cast<ssize_t>(input.size()) ||
        ::ftruncate(file_, static_cast<off_t>(input.size())) != 0) {
      throw std::runtime_error("cannot write " + kept_.string());
    }
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
    ++runs_;
  }
  [[nodiscard]] std::size_t runs() const noexcept { return runs_; }
  void forget() { fs::remove(kept_); }

 private:
  fs::path kept_;
  int file_;
  std::size_t runs_ = 0;
};

}  // namespace

int main(int count, char** arguments) {
  if (count != 2 && count != 4) {
    std::fprintf(stderr, "usage: %s CORPUS [DICTIONARY RUNS]\n", arguments[0]);
    return 2;
  }
  try {
    Runner runner{fs::path(arguments[0]).filename().concat(".input")};
    auto corpus = read_corpus(arguments[1]);
    for (const auto& input : corpus) runner.run(input);
    if (count == 4) {
      Mutator mutator{std::move(corpus), read_dictionary(arguments[2])};
      for (std::size_t left = std::stoul(arguments[3]); left > 0; --left)
        runner.run(mutator.next());
    }
    runner.forget();
    std::printf("%zu inputs\n", runner.runs());
    return 0;
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "%s\n", problem.what());
    return 2;
  }
}
