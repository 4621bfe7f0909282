// Loads a SavedModel and runs its signatures as TensorFlow Serving does:
// tensorflow::LoadSavedModel, then Session::Run with the tensor names that the
// signature gives.
//
//   load_saved_model SAVED_MODEL FOLDER
//
// For each folder FOLDER/<signature>/ with files <input>.pb, serialized
// TensorProtos, writes <output>.out beside them.

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "tensorflow/cc/saved_model/loader.h"
#include "tensorflow/core/framework/tensor.h"
#include "tensorflow/core/framework/tensor.pb.h"
#include "tensorflow/core/public/session.h"

namespace fs = std::filesystem;

std::string Read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Runs the signature that a folder is named after; false if that fails.
bool Run(const tensorflow::SavedModelBundle& bundle, const fs::path& folder) {
  const auto& signature =
      bundle.GetSignatures().at(folder.filename().string());
  std::vector<std::pair<std::string, tensorflow::Tensor>> inputs;
  for (const auto& [name, info] : signature.inputs()) {
    tensorflow::TensorProto proto;
    tensorflow::Tensor tensor;
    if (!proto.ParseFromString(Read(folder / (name + ".pb"))) ||
        !tensor.FromProto(proto)) {
      std::cerr << "no tensor: " << folder / name << "\n";
      return false;
    }
    inputs.emplace_back(info.name(), tensor);
  }
  std::vector<std::string> aliases, names;
  for (const auto& [name, info] : signature.outputs()) {
    aliases.push_back(name);
    names.push_back(info.name());
  }
  std::vector<tensorflow::Tensor> outputs;
  const auto status = bundle.GetSession()->Run(inputs, names, {}, &outputs);
  if (!status.ok()) {
    std::cerr << folder.filename().string() << ": " << status.ToString()
              << "\n";
    return false;
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    tensorflow::TensorProto proto;
    outputs[i].AsProtoTensorContent(&proto);
    std::ofstream(folder / (aliases[i] + ".out"), std::ios::binary)
        << proto.SerializeAsString();
  }
  return true;
}

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "load_saved_model SAVED_MODEL FOLDER\n";
    return 2;
  }
  tensorflow::SavedModelBundle bundle;
  const auto status = tensorflow::LoadSavedModel({}, {}, argv[1], {"serve"},
                                                 &bundle);
  if (!status.ok()) {
    std::cerr << status.ToString() << "\n";
    return 1;
  }
  bool all_ok = true;
  for (const auto& entry : fs::directory_iterator(argv[2])) {
    if (entry.is_directory()) all_ok &= Run(bundle, entry.path());
  }
  return all_ok ? 0 : 1;
}
