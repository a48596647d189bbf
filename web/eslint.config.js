import js from "@eslint/js";
import vue from "eslint-plugin-vue";
import ts from "typescript-eslint";
import vueParser from "vue-eslint-parser";

export default ts.config(
  { ignores: ["dist/**", "**/node_modules/**", "packages/api/src/schema.ts"] },
  js.configs.recommended,
  ts.configs.strictTypeChecked,
  ts.configs.stylisticTypeChecked,
  vue.configs["flat/recommended"],
  {
    languageOptions: {
      parser: vueParser,
      parserOptions: {
        parser: ts.parser,
        project: ["./tsconfig.json", "./tsconfig.tools.json", "./tsconfig.worker.json"],
        extraFileExtensions: [".vue"],
      },
    },
    rules: {
      // TypeScript knows which names there are.
      "no-undef": "off",
      // Destructuring what `useI18n` gives is how it is used.
      "@typescript-eslint/unbound-method": "off",
      // Code points are what is meant here.
      "@typescript-eslint/no-misused-spread": "off",
      eqeqeq: "error",
      "no-console": "error",
      "max-lines": ["error", 500],
      "max-lines-per-function": ["error", { max: 80, skipComments: true, skipBlankLines: true }],
      // The parser takes names with Chinese too; texts stand in the catalogue.
      "no-restricted-syntax": [
        "error",
        { selector: "Literal[value=/^https?:/]", message: "No request leaves the origin." },
      ],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/switch-exhaustiveness-check": "off",
      "@typescript-eslint/no-non-null-assertion": "error",
      "vue/multi-word-component-names": "off",
      "vue/max-attributes-per-line": "off",
      "vue/singleline-html-element-content-newline": "off",
      "vue/html-self-closing": ["error", { html: { void: "always", normal: "never" }, svg: "always" }],
      "vue/block-lang": ["error", { script: { lang: "ts" } }],
      "vue/no-v-html": "error",
      "vue/html-indent": "off",
      "vue/html-closing-bracket-newline": "off",
      "vue/attributes-order": "off",
    },
  },
  {
    files: ["**/test/**", "e2e/**", "scripts/**", "*.ts", "*.js"],
    rules: { "no-console": "off", "max-lines-per-function": "off", "no-restricted-syntax": "off" },
  },
  // These rules see nothing of what a .vue file exports; vue-tsc, which does, checks the types.
  {
    files: ["apps/*/src/**"],
    rules: {
      "@typescript-eslint/no-unsafe-argument": "off",
      "@typescript-eslint/no-unsafe-return": "off",
      "@typescript-eslint/no-unsafe-assignment": "off",
    },
  },
  { files: ["**/*.js", "**/*.mjs"], extends: [ts.configs.disableTypeChecked] },
);
